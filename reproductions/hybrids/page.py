"""What the page says of first listeners and of served lists, after the table that every comparison has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from earshot.pages.render import number, render
from earshot.pages.results import Cell, TableRow, draw_systems, draw_table, metric_axis, metric_cell
from hybrids.systems import DESCRIPTIONS, ROW_SOLVE

Content = Mapping[str, Any]


def draw_sections(metrics: Content, lists: Content) -> Markup:
    """Sections of the page; what they show is as in metrics.json and lists.json."""
    return render(
        "sections.html",
        Path(__file__).parent,
        by_listeners=_by_listeners(metrics),
        counts=list(metrics["by_listeners"]),
        draw=metrics["draw"],
        chosen=_chosen(metrics),
        listed=lists["listeners"],
        lists=_lists(lists["systems"]) if lists["listeners"] else Markup(),
    )


def _by_listeners(metrics: Content) -> Markup:
    """AUC of every system by how many listeners songs have had."""
    columns = metrics["by_listeners"]
    headings = {n: f"{n} listeners" if n != "1" else "1 listener" for n in columns}
    axis = metric_axis([values for found in columns.values() for values in found.values()], "auc")
    rows = [
        TableRow(
            name,
            [
                metric_cell(columns[n][name], "auc", heading, axis, signs=False)
                for n, heading in headings.items()
            ],
            stands_out=name == ROW_SOLVE,
        )
        for name in metrics["systems"]
    ]
    return draw_table(["AUC", *headings.values()], rows)


def _chosen(metrics: Content) -> Markup:
    first, tried = metrics["chosen"][0], metrics["tried"][0]
    rows = [
        TableRow(
            name,
            [
                Cell("setting", words=[f"{first[name]:g}"]),
                Cell(
                    "tried, and the AUC", words=[f"{s}: {number(auc, 4)}" for s, auc in tried[name].items()]
                ),
            ],
            [DESCRIPTIONS[name]],
        )
        for name in tried
        if name in DESCRIPTIONS
    ]
    return draw_table(["System", "setting", "tried, and the AUC"], rows)


def _lists(systems: Mapping[str, Content]) -> Markup:
    kinds = {f"recall_{kind}": f"recall@20, {kind}" for kind in ("all", "known", "new")}
    shown = draw_systems(systems, DESCRIPTIONS, kinds, ROW_SOLVE)
    minus = {f"{key}_minus_row_solve": heading for key, heading in kinds.items()}
    axes = {key: metric_axis(list(systems.values()), key, 0.0) for key in minus}
    rows = [
        TableRow(
            f"{name} − {ROW_SOLVE}",
            [metric_cell(found, key, heading, axes[key], signs=True) for key, heading in minus.items()],
            [f"new songs are {number(found['new_songs_at_20'])} of the first 20"],
        )
        for name, found in systems.items()
        if name != ROW_SOLVE
    ]
    return shown + draw_table(["Difference", *minus.values()], rows)
