"""Trainings that nobody asks for by hand, by policy and by the week; one at a time."""

from __future__ import annotations

import json
import time
from hashlib import blake2b

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from earshot.errors import UserError
from earshot.lanes.retrain import Due, due
from earshot.params import load_params
from orchestration.alive import is_dead, other_daemon
from orchestration.jobs import TRAINING_TAG, retrain
from orchestration.workspace import ROOT

SECONDS = 30
ENDED_BADLY = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dg.sensor(
    name="retraining_due",
    job=retrain,
    minimum_interval_seconds=SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a training when `retraining` in params.yaml says so; says why, or why not",
)
def retraining_due(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One request at most while none is under way."""
    if other := other_daemon():
        return dg.SkipReason(other)
    if training := under_way(context.instance):
        return dg.SkipReason(f"run {training.run_id} ({training.job_name}) trains already")
    try:
        return answer(context.instance, due(ROOT), time.time())
    except UserError as error:
        return dg.SkipReason(str(error))


def answer(instance: dg.DagsterInstance, verdict: Due, now: float) -> dg.RunRequest | dg.SkipReason:
    """A request if it is due; after a training that failed, only when `retry_hours` have passed."""
    waits = _wait_after_failure(instance, now) if verdict.due else None
    if not verdict.due or waits:
        return dg.SkipReason("; ".join(filter(None, [str(verdict), waits])))
    return dg.RunRequest(_run_key(instance, verdict), tags={"earshot/why": str(verdict)})


@dg.schedule(
    name="weekly_retraining",
    job=retrain,
    cron_schedule="0 3 * * 0",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Sunday, 03:00 UTC: the backstop, whatever else asks for a training",
)
def weekly_retraining(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """A run, unless one is under way."""
    if training := under_way(context.instance):
        return dg.SkipReason(f"run {training.run_id} ({training.job_name}) trains already")
    return dg.RunRequest(tags={"earshot/why": "a week has passed"})


def under_way(instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """The run that trains, or waits to; one whose process is gone is reported as failed."""
    unfinished = dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES), tags={TRAINING_TAG: "yes"})
    for record in instance.get_run_records(unfinished):
        if not is_dead(record):
            return record.dagster_run
        instance.report_run_failed(record.dagster_run, "its process is gone")
    return None


def _wait_after_failure(instance: dg.DagsterInstance, now: float) -> str | None:
    """Why a training that failed is not tried again yet; None where it may be."""
    newest = instance.get_run_records(dg.RunsFilter(tags={TRAINING_TAG: "yes"}), limit=1)
    if not newest or newest[0].dagster_run.status not in ENDED_BADLY:
        return None
    wanted = load_params(ROOT / "params.yaml").retraining.retry_hours
    passed = (now - (newest[0].end_time or 0)) / 3600
    if passed >= wanted:
        return None
    run = newest[0].dagster_run
    return f"run {run.run_id} failed {passed:.1f} hours ago; retraining.retry_hours={wanted:g} must pass"


def _run_key(instance: dg.DagsterInstance, verdict: Due) -> str:
    """Of what makes it due, and of the attempt: the training before is another one each time."""
    before = instance.get_run_records(dg.RunsFilter(tags={TRAINING_TAG: "yes"}), limit=1)
    attempt = before[0].dagster_run.run_id if before else ""
    # days grow with every tick, and would make it another key
    figures = {name: value for name, value in verdict.figures.items() if name != "days"}
    return blake2b(json.dumps([figures, attempt], sort_keys=True).encode(), digest_size=8).hexdigest()
