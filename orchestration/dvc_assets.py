"""The bridge: one Dagster asset a DVC stage, its body `dvc repro --single-item`."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from earshot import terminal
from earshot.deliveries.arrivals import newest_arrivals
from earshot.errors import UserError
from earshot.lanes.onboard import PAGE, settle
from earshot.lanes.reproduce import reproduce_saying
from earshot.params import load_params
from earshot.releases import commit_release
from earshot.versioning import INDEX, PipelineStage, file_md5, read_lock, split_target
from orchestration.alive import note_process
from orchestration.expected import place
from orchestration.metadata import TABLES, markdown, stage_metadata
from orchestration.workspace import ROOT

DELIVERIES = dg.AssetKey("deliveries")
OWNERS = ["team:earshot"]
NETWORKS = {"cnn_checkpoint", "fold_models", "predicted_factors", "served_factors"}
"""Stages that train networks or ask them."""


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
        kinds=_kinds(stage),
        owners=OWNERS,
        metadata={"dagster/code_references": _code(stage)},
    )
    def materialize(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        say = saying(context)
        note_process(context.instance, context.run.run_id)
        try:
            reproduce_saying(ROOT, stage.target, say, place(context, stage))
            if stage.target == "release" and load_params(ROOT / "params.yaml").release.git_commit:
                commit_release(ROOT)
        except UserError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        return dg.MaterializeResult(
            metadata=stage_metadata(stage) | arrivals_metadata(stage),
            data_version=dg.DataVersion(_data_version(stage)),
        )

    return materialize


def _kinds(stage: PipelineStage) -> set[str]:
    """Icons: what versions the output, what makes it, and what its main table is."""
    networks = {"pytorch"} if stage.target in NETWORKS else set()
    return {"dvc"} | networks | ({"parquet"} if stage.target in TABLES else set())


def _code(stage: PipelineStage) -> dg.CodeReferencesMetadataValue:
    """Where the stage is written: its module, where earshot has one of its name, and its dvc.yaml."""
    folder, name = split_target(stage.target)
    files = [ROOT / "src" / "earshot" / "stages" / f"{name}.py"] if not folder else []
    found = [file for file in [*files, ROOT / folder / "dvc.yaml"] if file.is_file()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        references = [
            dg.LocalFileCodeReference(file_path=str(file), label=file.relative_to(ROOT).as_posix())
            for file in found
        ]
        return dg.CodeReferencesMetadataValue(code_references=list(references))


def _data_version(stage: PipelineStage) -> str:
    folder, name = split_target(stage.target)
    version: str = read_lock(ROOT, folder)[name]["outs"][0]["md5"]
    return version


def arrivals_metadata(stage: PipelineStage) -> dict[str, Any]:
    """Of the recommendations: the deliveries they are the first to know, and how long the slowest took."""
    if stage.target != "recommendations":
        return {}
    settle(ROOT)
    arrivals = newest_arrivals(ROOT)
    if not arrivals:
        return {}
    return {
        "seconds from arrival": round(max(arrival.seconds for arrival in arrivals), 1),
        "arrivals": dg.MetadataValue.md(
            markdown([{"delivery": each.delivery, "seconds": round(each.seconds, 1)} for each in arrivals])
        ),
        "all arrivals": dg.MetadataValue.path(PAGE),
    }


def deliveries_version(root: Path) -> str:
    """Data version of the deliveries: md5 of their index."""
    return file_md5(root / INDEX)
