"""The page of how a song's listeners take over from its sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from earshot.pages.charts import Band, bands_chart
from earshot.pages.render import number, render
from earshot.pages.results import Cell, TableRow, draw_table, metric_axis, metric_cell

Content = Mapping[str, Any]

LABELS = {"prediction": "its sound alone", "plays": "its first listeners alone", "both": "both"}
HEADINGS = {"prediction": "Sound alone", "plays": "Listeners alone", "both": "Both"}
GAINS = {
    ("prediction", "auc"): "AUC over sound",
    ("prediction", "map_at_500"): "mAP over sound",
    ("plays", "auc"): "AUC over listeners",
    ("plays", "map_at_500"): "mAP over listeners",
}
KINDS = {"relevant": "Yet to play it", "irrelevant": "Never play it"}


def draw_page(found: Content, foot: str = "") -> str:
    """The page, above its `foot`: one HTML document that needs no other file; `found` as in warm_up.json."""
    shown = [column for column in found["columns"] if column["systems"]]
    return render(
        "warm_up.html",
        n0=found["n0"],
        songs=found["songs"],
        middle=_middle(shown),
        curve=_curve(shown),
        columns=_columns(shown),
        ahead=_ahead(shown),
        mixed=_mixed(found["mixed"]),
        choice=_choice(found),
        foot=foot,
    )


def _middle(shown: Sequence[Content]) -> Content | None:
    """AUC of each of `LABELS` in the middle column; None where there are too few columns to say anything."""
    if len(shown) < 2:
        return None
    column = shown[len(shown) // 2]
    values = {name: column["systems"][name]["auc"] for name in LABELS}
    return {"listeners": _counted(column["listeners"]), **values}


def _curve(shown: Sequence[Content]) -> Markup:
    if not shown:
        return Markup()
    bands = {name: [_band(column["systems"][name]) for column in shown] for name in LABELS}
    at = [column["listeners"] for column in shown]
    return bands_chart(at, bands, LABELS, "first listeners of every song")


def _band(system: Content) -> Band:
    low, high = system["auc_ci95_artists"]
    return None if system["auc"] is None or low is None else (system["auc"], low, high)


def _columns(shown: Sequence[Content]) -> Markup:
    axis = metric_axis([system for column in shown for system in column["systems"].values()], "auc")
    rows = []
    for column in shown:
        cells = [
            metric_cell(column["systems"][name], "auc", heading, axis, signs=False)
            for name, heading in HEADINGS.items()
        ]
        left_out = column["songs_left_out"]
        songs = f"{column['songs']:,} songs" + (f"; too few listeners: {left_out:,}" if left_out else "")
        rows.append(TableRow(_counted(column["listeners"]), cells, [songs]))
    return draw_table(["First listeners", *HEADINGS.values()], rows)


def _counted(n: int) -> str:
    return "None" if n == 0 else "1 listener" if n == 1 else f"{n:,} listeners"


def _ahead(shown: Sequence[Content]) -> Markup:
    columns = [column for column in shown if column["listeners"]]
    found = [values for column in columns for values in column["differences"].values()]
    axes = {metric: metric_axis(found, metric, 0.0) for metric in ("auc", "map_at_500")}
    rows = []
    for column in columns:
        cells = [
            metric_cell(column["differences"][f"both_minus_{end}"], metric, heading, axes[metric], signs=True)
            for (end, metric), heading in GAINS.items()
        ]
        rows.append(TableRow(_counted(column["listeners"]), cells))
    return draw_table(["First listeners", *GAINS.values()], rows, "results dense")


def _mixed(mixed: Sequence[Content]) -> Markup:
    axes = {kind: metric_axis([row[kind] for row in mixed], "rise", 0.0) for kind in KINDS}
    rows = []
    for row in mixed:
        cells = [
            metric_cell(row[kind], "rise", label, axes[kind], signs=True) for kind, label in KINDS.items()
        ]
        places = [
            f"{label}: {number(row[kind]['new'])} → {number(row[kind]['started'])}"
            for kind, label in KINDS.items()
        ]
        rows.append(TableRow(_counted(row["listeners"]), cells, places))
    return draw_table(["First listeners", *KINDS.values()], rows)


def _choice(found: Content) -> Markup:
    rows = []
    for tried in found["choice"]:
        down = ", ".join(f"{n:,}" for n in tried["pushes_down"])
        pushes = Cell("Pushes down", words=[f"with {down} listeners" if down else "nowhere"])
        cells = [Cell("AUC", number(tried["auc"], 4)), pushes]
        rows.append(TableRow(f"{tried['n0']:g}", cells, stands_out=tried["n0"] == found["n0"]))
    return draw_table(["n₀", "AUC", "Pushes songs down"], rows)
