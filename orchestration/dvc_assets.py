"""The bridge: one Dagster asset a DVC stage, its body `dvc repro --single-item`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from earshot import terminal
from earshot.deliveries.arrivals import newest_arrivals
from earshot.errors import UserError
from earshot.files import read_json
from earshot.lanes.onboard import PAGE, settle
from earshot.lanes.reproduce import reproduce_saying
from earshot.params import load_params
from earshot.releases import candidate, commit_release, read_decision, refit_check
from earshot.versioning import INDEX, PipelineStage, file_md5, read_lock, split_target
from orchestration.alive import note_process
from orchestration.expected import place
from orchestration.workspace import ROOT

DELIVERIES = dg.AssetKey("deliveries")


def stage_assets(stages: list[PipelineStage]) -> list[dg.AssetsDefinition]:
    """An asset for every stage, in its lane, depending on the assets whose outputs it reads."""
    return [_asset(stage) for stage in stages]


def saying(context: dg.AssetExecutionContext) -> Callable[[str], None]:
    """Says a line in Dagster's log and on the terminal, which shows no more of the log than errors."""

    def say(text: str) -> None:
        context.log.info(terminal.visible(text))
        terminal.say(text)

    return say


def upstream_keys(stage: PipelineStage) -> dict[str, dg.AssetKey]:
    """The asset behind every data dep of `stage`, by the dep's path."""
    keys = {path: dg.AssetKey(maker) for path, maker in stage.data_deps.items() if maker is not None}
    return keys | ({INDEX: DELIVERIES} if INDEX in stage.data_deps else {})


def _asset(stage: PipelineStage) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey(stage.key),
        deps=list(upstream_keys(stage).values()),
        group_name=stage.lane,
        code_version=stage.code_version,
        description=stage.description,
        kinds={"dvc"},
    )
    def materialize(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        say = saying(context)
        note_process(context.instance, context.run_id)
        try:
            reproduce_saying(ROOT, stage.target, say, place(context, stage))
        except UserError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        if stage.target == "release" and load_params(ROOT / "params.yaml").release.git_commit:
            commit_release(ROOT)
        return dg.MaterializeResult(
            metadata=summary_metadata(stage) | arrivals_metadata(stage),
            data_version=dg.DataVersion(_data_version(stage)),
        )

    return materialize


def _data_version(stage: PipelineStage) -> str:
    folder, name = split_target(stage.target)
    version: str = read_lock(ROOT, folder)[name]["outs"][0]["md5"]
    return version


def summary(stage: PipelineStage) -> dict[str, Any]:
    """What the stage says of its output; of a release, the decision on the newest candidate."""
    output = ROOT / stage.output
    if output.is_file():
        decision = read_decision(ROOT, candidate(ROOT).release) or {}
        return decision | {"checks": [refit_check(decision)]}
    content: dict[str, Any] = read_json(output / "summary.json")
    return content


def summary_metadata(stage: PipelineStage) -> dict[str, Any]:
    """The summary as Dagster metadata: numbers are plotted over time, the rest is shown."""
    return {"path": dg.MetadataValue.path(str(ROOT / stage.output)), **dict(_flat(summary(stage)))}


def arrivals_metadata(stage: PipelineStage) -> dict[str, Any]:
    """Of the recommendations: the deliveries they are the first to know, and how long the slowest took."""
    if stage.target != "recommendations":
        return {}
    settle(ROOT)
    arrivals = newest_arrivals(ROOT)
    if not arrivals:
        return {}
    return {
        "seconds from arrival": max(arrival.seconds for arrival in arrivals),
        "arrivals": dg.MetadataValue.json({each.delivery: round(each.seconds, 1) for each in arrivals}),
        "all arrivals": dg.MetadataValue.path(str(ROOT / PAGE)),
    }


def _flat(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if key == "checks":
            continue
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}/")
        elif isinstance(value, list):
            yield name, dg.MetadataValue.json(value)
        elif value is not None:
            yield name, value


def deliveries_version(root: Path) -> str:
    """Data version of the deliveries: md5 of their index."""
    return file_md5(root / INDEX)
