"""What the inbox's sensor asks for: one run at a time, once, and again after a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from earshot.deliveries import attempts
from earshot.deliveries.arrivals import note_arrival
from earshot.deliveries.inbox import look, make_inbox
from orchestration import alive, new_deliveries
from orchestration.deliveries import DELIVERY_TAG
from tests.pipeline.workspace import PROJECT

HOLD = (
    "from pathlib import Path; from orchestration import alive; import sys\n"
    "alive.LOCK = Path(sys.argv[1]); print(alive.other_daemon(), flush=True); sys.stdin.read()"
)


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The inbox of an empty workspace, for the sensor in this process."""
    monkeypatch.setattr(new_deliveries, "ROOT", tmp_path)
    held: list[int] = []  # one of its own: the module's may hold the lock of another test's sensor
    monkeypatch.setattr(alive, "LOCK", tmp_path / "daemon")
    monkeypatch.setattr(alive, "_held", held)
    yield make_inbox(tmp_path)
    for descriptor in held:
        os.close(descriptor)


def drop(inbox: Path, name: str) -> None:
    (inbox / name).mkdir()
    (inbox / name / "_SUCCESS").touch()


def ask(instance: dg.DagsterInstance) -> dg.RunRequest | str:
    asked = new_deliveries.new_deliveries(dg.build_sensor_context(instance))
    return asked if isinstance(asked, dg.RunRequest) else str(asked.skip_message)


def start(instance: dg.DagsterInstance, request: dg.RunRequest | str) -> dg.DagsterRun:
    """What the daemon makes of a request; the run starts and does nothing."""
    assert isinstance(request, dg.RunRequest), request
    tags = {**request.tags, "dagster/sensor_name": "new_deliveries", "dagster/run_key": str(request.run_key)}
    return create_run_for_test(instance, "onboard", tags=tags, status=dg.DagsterRunStatus.STARTED)


def test_once_for_all_that_is_complete_and_never_two_at_a_time(inbox: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert ask(instance) == "nothing waits in data/inbox/"
        (inbox / "unfinished").mkdir()
        assert ask(instance) == "still being written: unfinished"
        drop(inbox, "a")
        drop(inbox, "b")
        run = start(instance, ask(instance))
        assert sorted(run.tags[DELIVERY_TAG].split(", ")) == ["a", "b"]
        alive.note_process(instance, run.run_id)
        drop(inbox, "c")
        assert ask(instance) == f"run {run.run_id[:8]} is at it"
        (inbox / "a" / "_SUCCESS").unlink()
        (inbox / "a").rmdir()
        succeed(instance, run)
        assert isinstance(ask(instance), dg.RunRequest)


def succeed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    event = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name="onboard")
    instance.report_dagster_event(event, run.run_id)


def test_again_after_a_failure_with_growing_pauses(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        drop(inbox, "a")
        keys = []
        for attempt in range(3):
            monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.0)
            run = start(instance, ask(instance))
            keys.append(run.tags["dagster/run_key"].split("-")[1])
            instance.report_run_failed(run)
            monkeypatch.setattr(attempts, "FIRST_PAUSE", 600.0)
            *said, seconds, _ = str(ask(instance)).split()
            assert " ".join(said) == f"attempt {attempt + 1} failed; the next in"
            assert 600 * 2**attempt - 60 < int(seconds) <= 600 * 2**attempt
        assert keys == ["0", "1", "2"]


def test_what_stays_in_the_inbox_is_not_asked_for_at_every_look(inbox: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        drop(inbox, "a")
        [waiting] = look(inbox)
        attempts.note_attempt(inbox.parents[1], waiting.fingerprint)
        attempts.note_failure(inbox.parents[1], waiting.fingerprint, "no permission")
        said = str(ask(instance))
        assert said.startswith("a: stays in the inbox: no permission; tried 1 times, the next in ")
        drop(inbox, "b")
        assert isinstance(ask(instance), dg.RunRequest)


def test_what_was_taken_in_and_not_recommended_is_asked_for_again(inbox: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        drop(inbox, "a")
        run = start(instance, ask(instance))
        (inbox / "a" / "_SUCCESS").unlink()
        (inbox / "a").rmdir()
        note_arrival(inbox.parents[1], "a", 0.0)
        instance.report_run_failed(run)
        assert isinstance(ask(instance), dg.RunRequest)
        (inbox.parents[1] / ".earshot" / "arriving" / "a").unlink()
        assert ask(instance) == "nothing waits in data/inbox/"


def test_a_run_whose_process_is_gone_is_marked_failed(inbox: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        drop(inbox, "a")
        run = start(instance, ask(instance))
        instance.add_run_tags(run.run_id, {alive.PROCESS_TAG: "1 0.00"})  # another process had that number
        assert ask(instance) == f"run {run.run_id[:8]} was killed"
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]


def test_a_second_daemon_says_who_is_there(inbox: Path) -> None:
    command = ["sh", "-c", f'"{sys.executable}" -c "$0" "$1"; true', HOLD, str(alive.LOCK)]
    with (
        subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as first,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        assert first.stdout is not None
        assert first.stdout.readline() == "None\n"
        drop(inbox, "a")
        assert f"PID {first.pid}) looks after this clone" in str(ask(instance))
        first.communicate()
        assert isinstance(ask(instance), dg.RunRequest)
