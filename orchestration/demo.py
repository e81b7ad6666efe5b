"""The embedded catalogue in a workspace: taken in at first, what came of it written for others at last."""

from __future__ import annotations

from earshot.costs import read_unit_costs
from earshot.deliveries.inbox import INBOX, look
from earshot.errors import UserError
from earshot.terminal import say
from earshot.versioning import INDEX
from orchestration.workspace import ROOT

FOLDER = ROOT / "demo"
FIRST, LATER = "catalogue", ("new-songs", "first-plays")
SHARED = FOLDER / "release.earshot"
_TRAINS = ("cnn_checkpoint",)


def take_in_demo() -> None:
    """Write its deliveries and take in the first, in a workspace without any; UserError as of `ingest`."""
    from earshot.datasets.embedded import write_catalogue, write_first_plays, write_new_songs
    from earshot.deliveries.ingest import ingest
    from orchestration.expected import roughly, seconds_of

    if (ROOT / INDEX).is_file() or look(ROOT / INBOX):
        return
    writers = (write_catalogue, write_new_songs, write_first_plays)
    for name, write in zip((FIRST, *LATER), writers, strict=True):
        if not (FOLDER / name).is_dir():
            write(FOLDER / name)
    ingest(FOLDER / FIRST, ROOT)
    costs = read_unit_costs()
    size, seconds = costs.catalogue, seconds_of(costs.stages, costs.catalogue)
    assert seconds is not None  # the table has the cost of every stage that it names
    say(f"the pipeline, on {size.songs:,} songs and {size.plays:,} plays: {roughly(seconds)}")


def share_demo() -> None:
    """Write a release for other workspaces (docs/sharing.md), once, if this one has no other catalogue.

    Killed, it goes on when it is asked again. What is served is not touched, nor is a file that is there.
    """
    from earshot.deliveries import read_index
    from earshot.lanes.share import SharedBy, share_release
    from earshot.releases import Manifest, read_pointer
    from orchestration.expected import catalogue_size, roughly, seconds_of

    if SHARED.exists():
        return
    name, data = SHARED.relative_to(ROOT), "earshot's embedded catalogue: songs and plays made by a program"
    try:
        released = read_pointer(ROOT)
        delivered = {delivery.name for delivery in read_index((ROOT / INDEX).parent)}
        if not isinstance(released, Manifest) or delivered - {FIRST, *LATER}:
            return
        seconds = seconds_of(_TRAINS, catalogue_size(ROOT))
        how_long = f", {roughly(seconds)}" if seconds else ""
        say(f"at last {name}, this release for other workspaces{how_long}; nothing here waits for it")
        words = SharedBy(data, "Apache-2.0", songs=True)
        shared = share_release(ROOT, released.release, SHARED, words)
    except UserError as error:
        say(f"{name} is not written: {error}")
    else:
        say(f"{shared.release}: written to {name}")
