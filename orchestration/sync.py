"""Tells Dagster of what ran outside it: `dvc repro` in a shell, `git checkout && dvc checkout`, an ingest.

`python -m orchestration.sync` does once what the sensor does every few seconds.
"""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES as COMPLETED,
)

from earshot.versioning import INDEX, PipelineStage, read_pipeline
from orchestration.checks import observations
from orchestration.deliveries import NOTHING_REJECTED, deliveries_metadata, rejection_check
from orchestration.dvc_assets import (
    DELIVERIES,
    arrivals_metadata,
    deliveries_version,
    upstream_keys,
)
from orchestration.metadata import markdown, stage_metadata
from orchestration.workspace import ROOT

DATA_VERSION = "dagster/data_version"
CODE_VERSION = "dagster/code_version"
USER_PROVIDED = "dagster/data_version_is_user_provided"
INPUT_VERSION = "dagster/input_data_version/"
INPUT_POINTER = "dagster/input_event_pointer/"


def report_outside_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report every output that dvc.lock records and Dagster does not know, upstream first; their names."""
    reported = []
    if (ROOT / INDEX).is_file():
        tags = {DATA_VERSION: deliveries_version(ROOT)}
        if _is_news(instance, DELIVERIES, tags):
            _report(instance, DELIVERIES, tags, deliveries_metadata())
            reported.append(DELIVERIES.to_user_string())
    _report_rejections(instance)
    for stage in read_pipeline(ROOT):
        if stage.recorded is None or not (ROOT / stage.output).exists():
            continue
        key, tags = dg.AssetKey(stage.key), _tags(stage)
        if _is_news(instance, key, tags):
            metadata = stage_metadata(stage) | arrivals_metadata(stage)
            _report(instance, key, tags | _pointers(instance, stage), metadata)
            _report_checks(instance, stage)
            reported.append(key.to_user_string())
    return reported


def _tags(stage: PipelineStage) -> dict[str, str]:
    assert stage.recorded is not None
    versions = {
        f"{INPUT_VERSION}{key.to_user_string()}": stage.recorded.input_versions[path]
        for path, key in upstream_keys(stage).items()
        if path in stage.recorded.input_versions
    }
    return {
        DATA_VERSION: stage.recorded.data_version,
        CODE_VERSION: stage.recorded.code_version,
        **versions,
    }


def _pointers(instance: dg.DagsterInstance, stage: PipelineStage) -> dict[str, str]:
    """Storage ids of the upstream events; without them an asset is stale for ever."""
    newest = {key: instance.get_latest_materialization_event(key) for key in upstream_keys(stage).values()}
    records = {
        key: instance.fetch_materializations(key, limit=1).records[0]
        for key, event in newest.items()
        if event is not None
    }
    return {
        f"{INPUT_POINTER}{key.to_user_string()}": str(record.storage_id) for key, record in records.items()
    }


def _is_news(instance: dg.DagsterInstance, key: dg.AssetKey, tags: dict[str, str]) -> bool:
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    known = (materialization.tags if materialization else None) or {}
    return any(known.get(name) != value for name, value in tags.items())


def _report(
    instance: dg.DagsterInstance, key: dg.AssetKey, tags: dict[str, str], metadata: dict[str, Any]
) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization(key, metadata=metadata, tags={USER_PROVIDED: "true", **tags})
    )


def _report_rejections(instance: dg.DagsterInstance) -> None:
    """Where others lie in data/rejected/ than Dagster knows."""
    now = rejection_check()
    if _known_rejections(instance) != now["metadata"]["rejected"]:
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(**now))


def _known_rejections(instance: dg.DagsterInstance) -> dg.MetadataValue[Any]:
    """As of the last check that was carried out; of one that is planned nothing is known."""
    key = dg.AssetCheckKey(DELIVERIES, NOTHING_REJECTED)
    found = instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=COMPLETED)
    event = found[0].event.dagster_event if found and found[0].event else None
    nothing = dg.MetadataValue.md(markdown({}))
    return event.asset_check_evaluation_data.metadata["rejected"] if event else nothing


def _report_checks(instance: dg.DagsterInstance, stage: PipelineStage) -> None:
    for observed in observations(stage):
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(**observed))


if __name__ == "__main__":
    with dg.DagsterInstance.get() as opened:
        names = report_outside_runs(opened)
    print(f"reported to Dagster: {', '.join(names) or 'nothing, it knew all'}")  # noqa: T201
