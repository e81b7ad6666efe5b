"""The sensor, the schedule and the queue, on real instances with the project's own dagster.yaml."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from earshot.lanes.retrain import Due
from orchestration import alive, trainings
from orchestration.alive import PROCESS_TAG
from orchestration.jobs import TRAINING_TAG, everything, onboard, paper, retrain

PROJECT = Path(__file__).parents[2]
DUE = Due(
    True, ("120 new songs (limit 100: reached)",), {"training_set": "abc", "new_songs": 120, "days": 1.0}
)
STARTED, QUEUED = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.QUEUED


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance with the project's settings; a sensor asked here takes no lock of this clone."""
    held: list[int] = []
    monkeypatch.setattr(alive, "LOCK", tmp_path / "daemon")
    monkeypatch.setattr(alive, "_held", held)
    shutil.copy(PROJECT / ".dagster" / "dagster.yaml", tmp_path)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance
    for descriptor in held:
        os.close(descriptor)


def run(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, pid: int | None = None, job: str = "retrain"
) -> dg.DagsterRun:
    """A run in the instance's history, which says that it works in the process `pid`."""
    location = RegisteredCodeLocationOrigin("earshot")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "earshot"), job)
    tags = {} if job == "onboard" else {TRAINING_TAG: "yes"}
    if pid is not None:
        tags[PROCESS_TAG] = f"{pid} {psutil.Process(pid).create_time():.2f}"
    return create_run_for_test(instance, job_name=job, status=status, tags=tags, remote_job_origin=origin)


def test_the_jobs_that_train_carry_the_tag_and_onboard_does_not() -> None:
    jobs = (onboard, retrain, everything, paper)
    assert [job.name for job in jobs if TRAINING_TAG in (job.tags or {})] == ["retrain", "everything"]


def test_a_request_when_due_and_the_figures_when_not(instance: dg.DagsterInstance) -> None:
    said, again = (trainings.answer(instance, DUE, time.time()) for _ in range(2))
    assert isinstance(said, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key == said.run_key
    assert said.tags["earshot/why"] == "120 new songs (limit 100: reached) -> due"
    quiet = trainings.answer(instance, Due(False, ("12 new songs (limit 100)",), {}), time.time())
    assert isinstance(quiet, dg.SkipReason)
    assert quiet.skip_message == "12 new songs (limit 100) -> not due"


@pytest.mark.parametrize("status", [QUEUED, STARTED])
def test_no_second_training(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> None:
    training = run(instance, status, os.getpid() if status == STARTED else None)
    assert trainings.under_way(instance) == instance.get_run_by_id(training.run_id)
    with dg.build_sensor_context(instance) as context:
        assert isinstance(trainings.retraining_due(context), dg.SkipReason)
    assert isinstance(trainings.weekly_retraining(dg.build_schedule_context(instance)), dg.SkipReason)


def test_a_run_whose_process_is_gone_does_not_block_for_ever(instance: dg.DagsterInstance) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lost = run(instance, STARTED, process.pid)
    process.communicate()
    assert trainings.under_way(instance) is None
    found = instance.get_run_by_id(lost.run_id)
    assert found is not None
    assert found.status == dg.DagsterRunStatus.FAILURE
    assert isinstance(trainings.weekly_retraining(dg.build_schedule_context(instance)), dg.RunRequest)


def test_a_failed_training_is_left_alone_for_some_hours(instance: dg.DagsterInstance) -> None:
    first = trainings.answer(instance, DUE, time.time())
    instance.report_run_failed(run(instance, STARTED))
    said = trainings.answer(instance, DUE, time.time())
    assert isinstance(said, dg.SkipReason)
    assert "retraining.retry_hours=6 must pass" in str(said.skip_message)
    again = trainings.answer(instance, DUE, time.time() + 6.1 * 3600)
    assert isinstance(first, dg.RunRequest)
    assert isinstance(again, dg.RunRequest)
    assert again.run_key != first.run_key


def test_the_queue_lets_one_training_through(instance: dg.DagsterInstance) -> None:
    config = instance.get_concurrency_config()
    for job in ("retrain", "everything", "onboard"):
        run(instance, QUEUED, job=job)
    with QueuedRunCoordinatorDaemon(interval_seconds=1) as daemon:
        chosen = daemon._get_runs_to_dequeue(instance, config, None)
        assert sorted(run.job_name for run in chosen) == ["onboard", "retrain"]
        run(instance, STARTED, os.getpid())
        still = daemon._get_runs_to_dequeue(instance, config, None)
        assert [run.job_name for run in still] == ["onboard"]
