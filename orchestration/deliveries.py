"""The deliveries as an asset: its body takes in what waits in data/inbox/."""

import shutil
from pathlib import Path

import dagster as dg

from earshot.deliveries.ingest import ingest
from earshot.errors import UserError
from earshot.versioning import INDEX
from orchestration.dvc_assets import DELIVERIES, deliveries_version
from orchestration.workspace import ROOT

INBOX = ROOT / "data" / "inbox"


@dg.asset(
    key=DELIVERIES,
    group_name="ingest",
    description="Everything delivered so far; a run takes in what is complete in data/inbox/",
    kinds={"dvc"},
)
def deliveries(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Take in every complete delivery of the inbox, oldest name first."""
    taken = []
    for folder in waiting(INBOX):
        try:
            ingested = ingest(folder, ROOT)
        except UserError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        context.log.info(f"{ingested.name}: {'taken in' if ingested.new else 'already there'}")
        taken.append(ingested.name)
        shutil.rmtree(folder)
    if not (ROOT / INDEX).is_file():
        raise dg.Failure(
            description="no delivery yet: `earshot ingest DIR`, or put one into data/inbox/",
            allow_retries=False,
        )
    return dg.MaterializeResult(
        metadata={"taken in": dg.MetadataValue.json(taken), "deliveries": delivery_count()},
        data_version=dg.DataVersion(deliveries_version(ROOT)),
    )


def waiting(inbox: Path) -> list[Path]:
    """The complete deliveries of `inbox`; the name of one that is being written starts with a dot."""
    if not inbox.is_dir():
        return []
    return sorted(folder for folder in inbox.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def delivery_count() -> int:
    """How many deliveries the index lists."""
    return len((ROOT / INDEX).read_text(encoding="utf-8").splitlines()) - 1
