"""The deliveries as an asset: its body takes in what waits in data/inbox/."""

from typing import Any

import dagster as dg

from earshot.deliveries.intake import take_in
from earshot.deliveries.rejecting import rejections
from earshot.versioning import INDEX
from orchestration.alive import note_process
from orchestration.dvc_assets import DELIVERIES, deliveries_version
from orchestration.workspace import ROOT

INBOX = ROOT / "data" / "inbox"
NOTHING_REJECTED = "nothing_rejected"


@dg.asset(
    key=DELIVERIES,
    group_name="ingest",
    description="Everything delivered so far; a run takes in what is complete in data/inbox/",
    kinds={"dvc"},
    check_specs=[
        dg.AssetCheckSpec(NOTHING_REJECTED, asset=DELIVERIES, description="data/rejected/ is empty")
    ],
)
def deliveries(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Take in every complete delivery of the inbox; put those aside that cannot be used."""
    note_process(context.instance, context.run_id)
    intake = take_in(ROOT, context.log.info)
    for problem in intake.failed:
        context.log.error(problem)
    if intake.failed and not intake.taken:
        raise dg.Failure(description="\n".join(intake.failed), allow_retries=False)
    if not (ROOT / INDEX).is_file():
        raise dg.Failure(
            description="no delivery yet: `earshot ingest DIR`, or put one into data/inbox/",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        metadata={"taken in": dg.MetadataValue.json(intake.taken), **deliveries_metadata()},
        data_version=dg.DataVersion(deliveries_version(ROOT)),
        check_results=[dg.AssetCheckResult(**rejection_check())],
    )


def deliveries_metadata() -> dict[str, Any]:
    """How many deliveries the index lists, and which lie in data/rejected/, with their reasons."""
    rejected = {each.delivery: each.error for each in rejections(ROOT)}
    lines = (ROOT / INDEX).read_text(encoding="utf-8").splitlines()
    return {"deliveries": len(lines) - 1, "rejected": dg.MetadataValue.json(rejected)}


def rejection_check() -> dict[str, Any]:
    """Whether anything lies in data/rejected/, in the words of Dagster."""
    rejected = {each.delivery: each.error for each in rejections(ROOT)}
    return {
        "asset_key": DELIVERIES,
        "check_name": NOTHING_REJECTED,
        "passed": not rejected,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": f"{len(rejected)} in data/rejected/: mend and put back, or remove",
        "metadata": {"rejected": dg.MetadataValue.json(rejected)},
    }
