"""Which processes are still there: the one a run works in, and the daemon that looks after this clone."""

from __future__ import annotations

import os
import time

import dagster as dg
import psutil

from earshot.locks import Taken, take
from orchestration.workspace import ROOT

PROCESS_TAG = "earshot/process"
LOCK = ROOT / ".earshot" / "locks" / "daemon"
_START_SECONDS = 60.0

_held: list[int] = []


def note_process(instance: dg.DagsterInstance, run_id: str) -> None:
    """Tag a run with the process it works in: Dagster marks it failed only while it sees that process die.

    For jobs whose steps share one process, as all of `orchestration.jobs` do.
    """
    process = psutil.Process()
    # PIDs are used again: PID and start time name one process
    instance.add_run_tags(run_id, {PROCESS_TAG: f"{process.pid} {process.create_time():.2f}"})


def is_dead(record: dg.RunRecord) -> bool:
    """Whether a run of `orchestration.jobs` counts as running, but its process is gone."""
    tag = record.dagster_run.tags.get(PROCESS_TAG)
    if record.dagster_run.status != dg.DagsterRunStatus.STARTED:
        return False
    if tag is None:
        return time.time() - (record.start_time or time.time()) > _START_SECONDS
    pid, created = tag.split()
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True


def other_daemon() -> str | None:
    """Who looks after this clone, where that is not the daemon that asks; two would do all work twice.

    The code location holds a lock for as long as it lives. Where it was loaded
    anew, the process before it may hold the lock a while longer: both have one parent.
    """
    if _held:
        return None
    parent = str(os.getppid())
    try:
        _held.append(take(LOCK, parent))
    except Taken as taken:
        return None if taken.holder == parent else _describe(taken.holder)
    return None


def _describe(pid: str) -> str:
    return f"another daemon (its code server is PID {pid}) looks after this clone; end one of them"
