"""The sensor that watches data/inbox/.

It keeps nothing in a cursor: what it has asked for stands in the runs' tags, so a
kill at any moment leaves nothing to be asked for twice or forgotten.
"""

from __future__ import annotations

import time
from hashlib import blake2b

import dagster as dg

from earshot.deliveries.arrivals import arriving
from earshot.deliveries.attempts import pause, read_attempts
from earshot.deliveries.inbox import Waiting, look, make_inbox
from orchestration.alive import is_dead, other_daemon
from orchestration.deliveries import DELIVERY_TAG, FINGERPRINT_TAG
from orchestration.jobs import onboard
from orchestration.workspace import ROOT

NAME = "new_deliveries"
SECONDS = 5


@dg.sensor(
    name=NAME,
    job=onboard,
    minimum_interval_seconds=SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for `onboard` when a delivery in data/inbox/ is complete, and again after a failure",
)
def new_deliveries(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run at a time for all that is complete. Looks at names and times, reads nothing."""
    if other := other_daemon():
        return dg.SkipReason(other)
    newest = _newest(context.instance, {"dagster/sensor_name": NAME})
    if newest is not None and not newest.dagster_run.is_finished:
        return dg.SkipReason(_watch(context.instance, newest))
    found = look(make_inbox(ROOT))
    attempts = read_attempts(ROOT)
    pausing = {
        waiting.name: attempts[waiting.fingerprint]
        for waiting in found
        if waiting.fingerprint in attempts and not attempts[waiting.fingerprint].is_due
    }
    complete = [each for each in found if each.arrived is not None and each.name not in pausing]
    failed = newest is not None and newest.dagster_run.status != dg.DagsterRunStatus.SUCCESS
    unfinished = sorted(arriving(ROOT)) if failed else []
    if complete or unfinished:
        names = ", ".join([*(each.name for each in complete), *unfinished])
        return _request(context.instance, _fingerprint(complete, unfinished), names)
    waits = [f"still being written: {each.name}" for each in found if each.arrived is None]
    waits += [f"{name}: {tried}" for name, tried in pausing.items()]
    return dg.SkipReason("; ".join(waits) or "nothing waits in data/inbox/")


def _newest(instance: dg.DagsterInstance, tags: dict[str, str]) -> dg.RunRecord | None:
    records = instance.get_run_records(dg.RunsFilter(tags=tags), limit=1)
    return records[0] if records else None


def _watch(instance: dg.DagsterInstance, record: dg.RunRecord) -> str:
    run = record.dagster_run
    if not is_dead(record):
        return f"run {run.run_id[:8]} is at it"
    instance.report_run_failed(run, "its process is gone")
    return f"run {run.run_id[:8]} was killed"


def _fingerprint(complete: list[Waiting], unfinished: list[str]) -> str:
    """Of all there is to do; a delivery that was away and came back arrived at another time."""
    content = [(each.name, each.fingerprint, each.arrived) for each in complete]
    return blake2b(repr((content, unfinished)).encode(errors="replace"), digest_size=12).hexdigest()


def _request(instance: dg.DagsterInstance, fingerprint: str, names: str) -> dg.RunRequest | dg.SkipReason:
    tags = {FINGERPRINT_TAG: fingerprint}
    attempt, last = instance.get_runs_count(dg.RunsFilter(tags=tags)), _newest(instance, tags)
    if last is not None:
        left = last.update_timestamp.timestamp() + pause(attempt) - time.time()
        if left > 0:
            return dg.SkipReason(f"attempt {attempt} failed; the next in {left:.0f} s")
    # Dagster runs a key once, for ever
    return dg.RunRequest(run_key=f"{fingerprint}-{attempt}", tags=tags | {DELIVERY_TAG: names})
