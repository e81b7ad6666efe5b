"""Asset checks: what a stage observed beside what was expected of it.

A stage makes its checks itself and lists them in its summary (`earshot.checks`), so that both front
ends know them; whatever must stop a run has stopped it before.
"""

from typing import Any

import dagster as dg

from earshot.checks import NAMES, NEW_DELIVERIES
from earshot.evaluation.drift import MEASURES
from earshot.params import load_params
from earshot.validation.plays import all_checks
from earshot.versioning import PipelineStage
from orchestration.dvc_assets import summary
from orchestration.workspace import ROOT


def _names() -> dict[str, tuple[str, ...]]:
    """Of the checks of every stage that makes some."""
    plays = all_checks(load_params(ROOT / "params.yaml").play_counts)
    return NAMES | {
        "play_counts": tuple(check.name for check in plays),
        "drift": (NEW_DELIVERIES, *MEASURES),
    }


def stage_checks(stages: list[PipelineStage]) -> list[dg.AssetChecksDefinition]:
    """The checks of every stage that lists some."""
    names = _names()
    return [_checks(stage, names[stage.target]) for stage in stages if stage.target in names]


def _checks(stage: PipelineStage, names: tuple[str, ...]) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(stage.key)

    @dg.multi_asset_check(
        name=f"{'_'.join(stage.key)}_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=name.replace("_", " ")) for name in names],
    )
    def run_checks():  # type: ignore[no-untyped-def]
        for observed in observations(stage):
            yield dg.AssetCheckResult(**observed)

    return run_checks


def observations(stage: PipelineStage) -> list[dict[str, Any]]:
    """The checks in the summary of the stage's newest output, in the words of Dagster."""
    return [
        {
            "asset_key": dg.AssetKey(stage.key),
            "check_name": check["name"],
            "passed": check["passed"],
            "severity": dg.AssetCheckSeverity.WARN,
            "description": check["description"],
            "metadata": {"observed": str(check["observed"]), "expected": str(check["expected"])},
        }
        for check in summary(stage).get("checks", [])
    ]
