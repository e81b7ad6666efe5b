"""Asset checks: what a stage observed beside what was expected of it.

A stage makes its checks itself and lists them in its summary (`earshot.checks`), so that both front
ends know them; whatever must stop a run has stopped it before.
"""

from typing import Any

import dagster as dg

from earshot.versioning import PipelineStage
from orchestration.check_words import sentences
from orchestration.metadata import markdown, summary


def stage_checks(stages: list[PipelineStage]) -> list[dg.AssetChecksDefinition]:
    """The checks of every stage that lists some."""
    said = sentences()
    return [_checks(stage, said[stage.target]) for stage in stages if stage.target in said]


def _checks(stage: PipelineStage, said: dict[str, str]) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(stage.key)

    @dg.multi_asset_check(
        name=f"{'_'.join(stage.key)}_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in said.items()],
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
            "metadata": {side: _readable(check[side]) for side in ("observed", "expected")},
        }
        for check in summary(stage).get("checks", [])
    ]


def _readable(value: Any) -> dg.MetadataValue[Any]:
    """A number as one, for Dagster to plot; a dict as a table; else text."""
    if isinstance(value, dict | list):
        return dg.MetadataValue.md(markdown(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return dg.MetadataValue.float(float(value))
    return dg.MetadataValue.text(str(value))
