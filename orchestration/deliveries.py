"""The deliveries as an asset: its body takes in what waits in data/inbox/."""

from contextlib import suppress
from typing import Any

import dagster as dg

from earshot import terminal
from earshot.alerts import alert
from earshot.deliveries.inbox import INBOX
from earshot.deliveries.index import read_lines
from earshot.deliveries.intake import Intake, take_in
from earshot.deliveries.rejecting import rejections
from earshot.versioning import INDEX
from earshot.workspace import not_yet
from orchestration.alive import note_process
from orchestration.dvc_assets import DELIVERIES, OWNERS, deliveries_version, saying
from orchestration.metadata import markdown
from orchestration.workspace import ROOT

NOTHING_REJECTED = "nothing_rejected"
FINGERPRINT_TAG = "earshot/deliveries"
"""Of runs that the sensor new_deliveries asked for."""
DELIVERY_TAG, REJECTED_TAG = "earshot/delivery", "earshot/rejected"
"""Of runs that took something in, or put it aside: names."""


@dg.asset(
    key=DELIVERIES,
    group_name="ingest",
    description="Everything delivered so far; a run takes in what is complete in data/inbox/",
    kinds={"dvc"},
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(NOTHING_REJECTED, asset=DELIVERIES, description="data/rejected/ is empty")
    ],
)
def deliveries(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Take in every complete delivery of the inbox; put those aside that cannot be used."""
    note_process(context.instance, context.run.run_id)
    asked_by_hand = FINGERPRINT_TAG not in context.run.tags
    intake = take_in(ROOT, saying(context), due_only=not asked_by_hand)
    for problem in intake.failed:
        context.log.error(problem)
        with suppress(OSError):  # it may be for want of room that it stays
            alert(ROOT, "delivery stays in the inbox", problem)
    for rejection in intake.rejected:
        context.log.warning(terminal.visible(f"data/rejected/{rejection.delivery}: {rejection.error}"))
    context.instance.add_run_tags(context.run.run_id, _tags(intake))
    if not (ROOT / INDEX).is_file():
        nothing = str(not_yet(ROOT, f"nothing complete waits in {INBOX}/"))
        raise dg.Failure(description="\n".join([*intake.failed, nothing]), allow_retries=False)
    return dg.MaterializeResult(
        metadata={
            "taken in": dg.MetadataValue.md(markdown(intake.taken)),
            "stays in the inbox": dg.MetadataValue.md(markdown(intake.failed)),
            **deliveries_metadata(),
        },
        data_version=dg.DataVersion(deliveries_version(ROOT)),
        check_results=[dg.AssetCheckResult(**rejection_check())],
    )


def _tags(intake: Intake) -> dict[str, str]:
    """Of the run: the names of what it took in and of what it rejected, by which runs can be searched."""
    names = {DELIVERY_TAG: intake.taken, REJECTED_TAG: [each.delivery for each in intake.rejected]}
    return {tag: ", ".join(found) for tag, found in names.items() if found}


def deliveries_metadata() -> dict[str, Any]:
    """How many deliveries count, how many were withdrawn, which lie in data/rejected/, with their reasons."""
    lines = read_lines((ROOT / INDEX).parent)
    withdrawn = sum(line.withdrawn for line in lines)
    return {
        "deliveries": len(lines) - withdrawn,
        "withdrawn": withdrawn,
        "rejected": len(rejections(ROOT)),
        "why rejected": _why(),
    }


def _why() -> dg.MetadataValue[Any]:
    """What lies in data/rejected/, and the reasons."""
    found = [{"delivery": each.delivery, "reason": each.error} for each in rejections(ROOT)]
    return dg.MetadataValue.md(terminal.visible(markdown(found)))


def rejection_check() -> dict[str, Any]:
    """Whether anything lies in data/rejected/, in the words of Dagster."""
    n_rejected = len(rejections(ROOT))
    return {
        "asset_key": DELIVERIES,
        "check_name": NOTHING_REJECTED,
        "passed": not n_rejected,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": f"{n_rejected} in data/rejected/: mend and put back, or remove",
        "metadata": {"rejected": _why()},
    }
