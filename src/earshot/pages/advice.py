"""The section of the report on what an encoder should be told of songs; `earshot advise` fills it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from earshot.pages.render import number, render
from earshot.pages.results import TableRow, draw_table, metric_axis, metric_cell

SHOWN = {"auc": "AUC", "auc_centred": "AUC, centred"}


def draw_advice(found: Mapping[str, Any], made: str, snapshot: str) -> Markup:
    """The section, of what `earshot.lanes.advise.advise` found.

    Parameters
    ----------
    made, snapshot
        When, and the md5 of the training set it was tried on.
    """
    known = {name: f"{100 * share:.0f} %" for name, share in found["known"].items()}
    return render(
        "advice.html",
        advice=found["advice"],
        songs=found["songs"],
        folds=found["folds"],
        known=known,
        blocks=_table(found["blocks"], found["k"]),
        artist=_table(found["artist"], found["k"]) if found["artist"] else None,
        made=made,
        snapshot=snapshot,
    )


def _table(lines: Sequence[Mapping[str, Any]], k: int) -> Markup:
    """A line for each combination of blocks: AUC and mAP, and what it is more than the sound alone."""
    gains = [line["minus_sound"] for line in lines if "minus_sound" in line]
    axes = {metric: metric_axis(gains, metric, 0.0) for metric in (*SHOWN, f"map_at_{k}")}
    headings = SHOWN | {f"map_at_{k}": f"mAP@{k}"}
    rows = []
    for line in lines:
        gain = line.get("minus_sound")
        digits = " · ".join(f"{heading} {number(line[metric])}" for metric, heading in headings.items())
        cells = [
            metric_cell(gain, metric, heading, axes[metric], signs=True)
            for metric, heading in headings.items()
            if gain is not None
        ]
        rows.append(TableRow(" + ".join(line["blocks"]), cells, [digits]))
    return draw_table(["Blocks", *(f"{heading}, more than sound" for heading in headings.values())], rows)
