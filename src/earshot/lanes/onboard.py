"""The fast lane: take in, then run the catalogue and serving lanes; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from markupsafe import Markup

from earshot.deliveries import delivered_plays, read_index
from earshot.deliveries.arrivals import Arrival, note_recommendable, read_arrivals
from earshot.deliveries.inbox import INBOX
from earshot.deliveries.ingest import Say, ingest
from earshot.deliveries.intake import take_in
from earshot.errors import UserError
from earshot.files import read_json, replace_text
from earshot.lanes.reproduce import reproduce_saying
from earshot.pages.charts import Axis, interval_bar
from earshot.pages.foot import draw_lines
from earshot.pages.render import counted, number, render
from earshot.pages.results import Cell, TableRow, draw_table
from earshot.releases.by_hand import nothing_released
from earshot.releases.manifest import NothingReleased, pointer_path, read_pointer
from earshot.stages import provenance
from earshot.versioning import INDEX, read_pipeline, repair
from earshot.workspace import not_yet, require_workspace

SERVING = "serving"
LANES = ("catalogue", SERVING)
SOUND_STAGES = ("raw_audio", "hyper_images")
"""All that songs need to be served by their sound alone."""


def onboard(root: Path, folder: Path | None, say: Say) -> list[Arrival]:
    """Take in the delivery `folder`, or what is complete in the inbox, and recommend its songs.

    Where no delivery brings plays, sounds are made ready and no more: songs are then served by sound alone.

    Returns
    -------
    The deliveries that became recommendable.

    Raises
    ------
    UserError
        `folder` was refused; there is no delivery at all, or no model; a stage failed. Of the
        inbox: something was rejected or could not be taken in, said last of all.
    """
    require_workspace(root)
    repair(root, say)
    problems = _take_in(root, folder, say)
    if not (root / INDEX).is_file():
        nothing = not_yet(root, f"nothing to onboard: nothing complete waits in {INBOX}/")
        raise UserError("\n".join([*problems, str(nothing)]))
    without_plays = not any_plays(root)
    for stage in read_pipeline(root):
        if without_plays and stage.target not in SOUND_STAGES:
            continue
        if stage.lane == SERVING and not pointer_path(root).is_file():
            nothing = not_yet(root, "in the catalogue, but there is no model yet to recommend with")
            raise UserError("\n".join([*problems, str(nothing)]))
        if stage.lane in LANES:
            reproduce_saying(root, stage.target, say)
            for notice in _notices(root / stage.output):
                say(f"{stage.target}: {notice}")
    if without_plays:
        if problems:
            raise UserError("\n".join(problems))
        return []
    arrivals = settle(root)
    pointer = read_pointer(root)
    if isinstance(pointer, NothingReleased):
        say(nothing_released(root, pointer))
    if problems:
        raise UserError("\n".join(problems))
    return arrivals


def any_plays(root: Path) -> bool:
    """Whether any delivery of the workspace brings plays that count."""
    folder = root / "data" / "deliveries"
    return bool(delivered_plays(folder, read_index(folder)))


def _notices(output: Path) -> list[str]:
    """What a person should know of what the stage that made `output` has found."""
    notices: list[str] = read_json(output / "summary.json").get("notices", [])
    return notices


def _take_in(root: Path, folder: Path | None, say: Say) -> list[str]:
    """What was not taken in, and why."""
    if folder is not None:
        ingested = ingest(folder, root, say)
        say(f"{ingested.name}: {'taken in' if ingested.new else 'already there'}")
        return []
    intake = take_in(root, say)
    return [f"data/rejected/{each.delivery}: {each.error}" for each in intake.rejected] + intake.failed


def settle(root: Path) -> list[Arrival]:
    """Write down which deliveries became recommendable since the last call, and draw data/arrivals.html."""
    arrivals = note_recommendable(root)
    if arrivals:
        write_page(root)
    return arrivals


PAGE = "data/arrivals.html"
GOAL_SECONDS = 60.0
_SHOWN = 200


def write_page(root: Path) -> Path:
    """Draw the newest 200 deliveries of `.earshot/arrivals`, the newest on top.

    Those of the first recommendations waited for the first model: they are named, and count for nothing.
    """
    arrivals = read_arrivals(root)
    begun = min(arrival.recommendable for arrival in arrivals)
    newest = [arrival for arrival in arrivals if arrival.recommendable > begun][::-1][:_SHOWN]
    replace_text(
        root / PAGE,
        render(
            "arrivals.html",
            first=[arrival.delivery for arrival in arrivals if arrival.recommendable == begun],
            found=_found([arrival.seconds for arrival in newest]),
            deliveries=_table(newest),
            foot=draw_lines(provenance.drawn_now(root, ".earshot/arrivals")),
        ),
    )
    return root / PAGE


def _found(seconds: Sequence[float]) -> str:
    """The time that deliveries took, in a sentence."""
    if not seconds:
        return "No delivery has come since the first recommendations were made."
    if len(seconds) == 1:
        return f"The one delivery since the first recommendations took {number(seconds[0], 1)} seconds."
    fast = sum(each <= GOAL_SECONDS for each in seconds)
    within = "all" if fast == len(seconds) else f"{fast:,}" if fast else "none"
    return (
        f"Of {counted(len(seconds), 'delivery', 'deliveries')} {within} took at most a minute; "
        f"the median is {number(median(seconds), 1)} seconds."
    )


def _table(arrivals: Sequence[Arrival]) -> Markup | None:
    if not arrivals:
        return None
    axis = Axis(0.0, 1.1 * max([GOAL_SECONDS, *(arrival.seconds for arrival in arrivals)]))
    return draw_table(["Delivery", "Seconds"], [_row(arrival, axis) for arrival in arrivals])


def _row(arrival: Arrival, axis: Axis) -> TableRow:
    arrived = datetime.fromtimestamp(arrival.arrived, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    bar = interval_bar(arrival.seconds, 0.0, arrival.seconds, axis, GOAL_SECONDS)
    return TableRow(arrival.delivery, [Cell("Seconds", number(arrival.seconds, 1), bar=bar)], [arrived])
