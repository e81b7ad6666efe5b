"""Failed runs, and releases and plays that are getting old, told to `earshot.alerts`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from earshot.alerts import alert
from earshot.deliveries import play_files, read_index
from earshot.errors import UserError
from earshot.params import load_params
from earshot.releases import Manifest, read_pointer
from earshot.releases.history import decision_path
from orchestration.failures import reason
from orchestration.workspace import ROOT

DAY = 86400.0
FRESHNESS_SECONDS = 60


@dg.run_failure_sensor(
    name="failed_runs",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes an alert for every failed run, to .earshot/alerts.log and the webhook",
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """One alert a run, with the message of the step that failed."""
    run = context.dagster_run
    reasons = [reason(event) for event in context.get_step_failure_events()]
    said = "; ".join(reasons) or context.failure_event.message
    alert(ROOT, "run failed", f"{run.job_name}, run {run.run_id[:8]}: {said}")


def newest_release() -> float | None:
    """When what is served was judged, Unix seconds; None where nothing is released."""
    release = read_pointer(ROOT)
    if not isinstance(release, Manifest):
        return None
    return _modified(decision_path(ROOT, release.release))


def newest_plays() -> float | None:
    """When the newest delivery with plays was taken in, Unix seconds; None where there is none."""
    deliveries = ROOT / "data" / "deliveries"
    with_plays = (
        each.name for each in reversed(read_index(deliveries)) if play_files(deliveries / each.name)
    )
    newest = next(with_plays, None)
    return _modified(deliveries / f"{newest}.dvc") if newest is not None else None


def _modified(path: Path) -> float | None:
    return path.stat().st_mtime if path.is_file() else None


CHECKS: dict[str, tuple[str, Callable[[], float | None]]] = {
    "release": ("released_lately", newest_release),
    "play_counts": ("plays_lately", newest_plays),
}
"""By asset: its freshness check, and when the newest of it came."""


def _check(asset: str) -> dict[str, Any] | None:
    """The freshness of `asset` now, in the words of Dagster; None where there is nothing yet.

    Raises UserError where params.yaml, which says how old it may be, cannot be used.
    """
    name, newest = CHECKS[asset]
    came, limits = newest(), load_params(ROOT / "params.yaml").alerts
    if came is None:
        return None
    days, allowed = (time.time() - came) / DAY, getattr(limits, f"{asset}_days")
    return {
        "asset_key": dg.AssetKey(asset),
        "check_name": name,
        "passed": days <= allowed,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": f"the newest is {days:.1f} days old; alerts.{asset}_days={allowed:g}",
        "metadata": {
            "days": dg.MetadataValue.float(round(days, 2)),
            "allowed": dg.MetadataValue.float(allowed),
        },
    }


def _check_definition(asset: str) -> dg.AssetChecksDefinition:
    what = asset.replace("_", " ")
    described = f"the newest {what} is not older than alerts.{asset}_days of params.yaml"

    @dg.asset_check(asset=dg.AssetKey(asset), name=CHECKS[asset][0], description=described)
    def check() -> dg.AssetCheckResult:
        try:
            found = _check(asset)
        except UserError as error:
            warn = dg.AssetCheckSeverity.WARN
            return dg.AssetCheckResult(passed=False, severity=warn, description=f"not looked at: {error}")
        nothing = dg.AssetCheckResult(passed=True, description="there is nothing yet that could be old")
        return dg.AssetCheckResult(**found) if found else nothing

    return check


freshness_checks = [_check_definition(asset) for asset in CHECKS]


@dg.sensor(
    name="freshness",
    minimum_interval_seconds=FRESHNESS_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes an alert when the newest release or plays become older than params.yaml allows",
)
def freshness(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Reports checks that changed; one alert for each that fails from now on."""
    before: dict[str, bool] = json.loads(context.cursor or "{}")
    try:
        found = {asset: check for asset in CHECKS if (check := _check(asset))}
    except UserError as error:
        return dg.SensorResult(skip_reason=f"not looked at: {error}", cursor=context.cursor)
    for asset, check in found.items():
        if before.get(asset) == check["passed"]:
            continue
        context.instance.report_runless_asset_event(dg.AssetCheckEvaluation(**check))
        if not check["passed"]:
            alert(ROOT, "not fresh", f"{asset}: {check['description']}")
    now = {asset: check["passed"] for asset, check in found.items()}
    old = ", ".join(asset for asset, passed in now.items() if not passed)
    return dg.SensorResult(skip_reason=f"too old: {old}" if old else "all fresh", cursor=json.dumps(now))
