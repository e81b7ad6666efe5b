"""The page of how a song's listeners take over from its sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from earshot.pages.charts import Band, bands_chart
from earshot.pages.render import number, render, signed
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
DRAWS = {
    "dated": "in the order of their plays",
    "random": "drawn at random",
    "recommended_first": "those whose lists it is highest in",
    "heavy_first": "those who play most songs",
}
"""Who the first listeners of a song are."""


def draw_page(found: Content, foot: str = "") -> str:
    """The page, above its `foot`: one HTML document that needs no other file; `found` as in warm_up.json."""
    drawn = [
        each | {"shown": [column for column in each["columns"] if column["systems"]]}
        for each in found["draws"]
    ]
    return render(
        "warm_up.html",
        n0=found["n0"],
        multiple=found["multiple"],
        mean_listeners=found["mean_listeners"],
        songs=found["songs"],
        middle=_middle(drawn[0]["shown"]),
        first=DRAWS[drawn[0]["draw"]],
        draws=[_draw(each) for each in drawn],
        rises=_rises(drawn),
        falls=_falls(found),
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


def _draw(each: Content) -> Content:
    """What is shown of one way in which first listeners come."""
    return {
        "label": DRAWS[each["draw"]],
        "curve": _curve(each["shown"]),
        "columns": _columns(each["shown"]),
        "ahead": _ahead(each["shown"]),
        "mixed": _mixed(each["mixed"]),
    }


def _curve(shown: Sequence[Content]) -> Markup:
    if not shown:
        return Markup()
    bands = {name: [_band(column["systems"][name], "auc") for column in shown] for name in LABELS}
    at = [column["listeners"] for column in shown]
    return bands_chart(at, bands, LABELS, "first listeners of every song")


def _band(values: Content, metric: str) -> Band:
    low, high = values[f"{metric}_ci95_artists"]
    return None if values[metric] is None or low is None else (values[metric], low, high)


def _rises(drawn: Sequence[Content]) -> Markup:
    """By draw, how much higher songs stand for those yet to play them, over numbers of first listeners."""
    at = sorted({row["listeners"] for each in drawn for row in each["mixed"]})
    if not at:
        return Markup()
    rows = {each["draw"]: {row["listeners"]: row["relevant"] for row in each["mixed"]} for each in drawn}
    bands = {draw: [_band(row[n], "rise") if n in row else None for n in at] for draw, row in rows.items()}
    return bands_chart(at, bands, DRAWS, "first listeners of a song")


def _falls(found: Content) -> Markup:
    """By draw, the lowest rise over all numbers of first listeners, over n0."""
    draws = [each["draw"] for each in found["draws"]]
    lowest = {draw: [_lowest(tried, draw) for tried in found["choice"]] for draw in draws}
    if not any(band for bands in lowest.values() for band in bands):
        return Markup()
    return bands_chart([round(tried["n0"]) for tried in found["choice"]], lowest, DRAWS, "n₀")


def _lowest(tried: Content, draw: str) -> Band:
    rises = [rise["value"] for rise in tried["rises"] if rise["draw"] == draw]
    return (min(rises),) * 3 if rises else None


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
        by_rise = sorted(tried["rises"], key=lambda rise: rise["value"])
        ends = [by_rise[0], by_rise[-1]] if by_rise else []
        cells = [
            Cell("AUC", number(tried["auc"], 4)),
            *(
                Cell(heading, signed(rise["value"]), f"{_counted(rise['listeners'])}, {DRAWS[rise['draw']]}")
                for heading, rise in zip(("Lowest rise", "Highest rise"), ends, strict=False)
            ),
        ]
        multiple = f"{tried['multiple']:g} × the mean"
        rows.append(TableRow(f"{tried['n0']:g}", cells, [multiple], stands_out=tried["n0"] == found["n0"]))
    return draw_table(["n₀", "AUC", "Lowest rise", "Highest rise"], rows, "results choice")
