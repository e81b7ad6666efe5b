"""The two sensors that keep Dagster true: to what ran outside it, and to what the files say now."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import dagster as dg
import psutil

from earshot.errors import UserError
from earshot.versioning import read_pipeline
from orchestration.sync import report_outside_runs
from orchestration.workspace import ROOT

if TYPE_CHECKING:
    from dagster._grpc.client import DagsterGrpcClient

SECONDS = 10
RELOAD_SECONDS = 50


@dg.sensor(
    name="outside_runs",
    minimum_interval_seconds=SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports what `dvc repro`, `dvc checkout` or `earshot ingest` did in a shell",
)
def outside_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Report outside runs as materializations; requests nothing."""
    try:
        reported = report_outside_runs(context.instance)
    except UserError as error:
        return dg.SkipReason(str(error))
    return dg.SkipReason(f"reported: {', '.join(reported)}" if reported else "nothing ran outside Dagster")


def definitions_changed(loaded: dict[tuple[str, ...], str]) -> dg.SensorDefinition:
    """A sensor that reloads this code location when a stage's code version is no longer the `loaded` one."""

    @dg.sensor(
        name="definitions_changed",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reloads the code location when params.yaml, dvc.yaml or a stage's code changed",
    )
    def sensor() -> dg.SkipReason:
        try:
            now = {stage.key: stage.code_version for stage in read_pipeline(ROOT)}
        except UserError as error:
            return dg.SkipReason(f"the definitions stay as loaded: {error}")
        keys = sorted(now.keys() | loaded.keys())
        changed = ["/".join(key) for key in keys if now.get(key) != loaded.get(key)]
        if not changed:
            return dg.SkipReason("definitions are as loaded")
        return dg.SkipReason(f"changed: {', '.join(changed)}; {_reload()}")

    return sensor


def _reload() -> str:
    """Ask the code server above this process to load the definitions anew."""
    server = _code_server(psutil.Process().parent())
    if server is None:
        return "no `dagster code-server` above this process: reload the code location by hand"
    server.reload_code(timeout=RELOAD_SECONDS)
    return "reloaded"


def _code_server(process: psutil.Process | None) -> DagsterGrpcClient | None:
    from dagster._grpc.client import DagsterGrpcClient

    command = process.cmdline() if process is not None else []
    if "code-server" not in command:
        return None
    options = dict(pairwise(command))  # each word with the next: options with their values
    if socket := options.get("--socket") or options.get("-s"):
        return DagsterGrpcClient(socket=socket)
    port = options.get("--port") or options.get("-p")
    return DagsterGrpcClient(port=int(port), host="localhost") if port else None
