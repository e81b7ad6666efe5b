"""The deliveries as an asset: its body takes in what waits in data/inbox/."""

from contextlib import suppress
from typing import Any

import dagster as dg

from earshot.alerts import alert
from earshot.deliveries.inbox import INBOX
from earshot.deliveries.index import read_lines
from earshot.deliveries.intake import take_in
from earshot.deliveries.rejecting import rejections
from earshot.versioning import INDEX
from earshot.workspace import not_yet
from orchestration.alive import note_process
from orchestration.dvc_assets import DELIVERIES, deliveries_version, saying
from orchestration.workspace import ROOT

NOTHING_REJECTED = "nothing_rejected"
FINGERPRINT_TAG = "earshot/deliveries"
"""Of runs that the sensor new_deliveries asked for."""


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
    asked_by_hand = FINGERPRINT_TAG not in context.run.tags
    intake = take_in(ROOT, saying(context), due_only=not asked_by_hand)
    for problem in intake.failed:
        context.log.error(problem)
        with suppress(OSError):  # it may be for want of room that it stays
            alert(ROOT, "delivery stays in the inbox", problem)
    if not (ROOT / INDEX).is_file():
        nothing = str(not_yet(ROOT, f"nothing complete waits in {INBOX}/"))
        raise dg.Failure(description="\n".join([*intake.failed, nothing]), allow_retries=False)
    return dg.MaterializeResult(
        metadata={
            "taken in": dg.MetadataValue.json(intake.taken),
            "stays in the inbox": dg.MetadataValue.json(intake.failed),
            **deliveries_metadata(),
        },
        data_version=dg.DataVersion(deliveries_version(ROOT)),
        check_results=[dg.AssetCheckResult(**rejection_check())],
    )


def deliveries_metadata() -> dict[str, Any]:
    """How many deliveries count, how many were withdrawn, which lie in data/rejected/, with their reasons."""
    rejected = {each.delivery: each.error for each in rejections(ROOT)}
    lines = read_lines((ROOT / INDEX).parent)
    withdrawn = sum(line.withdrawn for line in lines)
    return {
        "deliveries": len(lines) - withdrawn,
        "withdrawn": withdrawn,
        "rejected": dg.MetadataValue.json(rejected),
    }


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
