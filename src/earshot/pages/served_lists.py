"""The list that listeners get, on the page of the evaluation: what is found in it, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from earshot.pages.bars import BarRow, bars_chart
from earshot.pages.charts import Axis, interval_bar
from earshot.pages.render import number, render, signed
from earshot.pages.results import Cell, TableRow, draw_table, ends_in_words, metric_cell

Content = Mapping[str, Any]

KINDS = {"all": "All songs", "known": "Known songs", "new": "New songs"}
METRICS = {
    "recall": ("Recall", "The share of a listener's held-out songs that stand among the first k."),
    "ndcg": ("nDCG", "The same, counting more what stands nearer to the top; 1 is the best order there is."),
    "hit_rate": ("Hit rate", "The share of the listeners who find at least one such song among the first k."),
}
DEPTHS = (10, 20, 100)
MAKE_UP = {
    "new_songs": ("New songs", "share of the entries"),
    "coverage": ("Coverage", "share of all songs that stand in somebody's list"),
    "gini": ("Gini", "of how often songs are listed: 0 all equally often, 1 one song alone"),
    "popularity": (
        "Popularity",
        "mean share of all songs that have fewer listeners than a listed one",
    ),
    "diversity": ("Diversity", "1 − the cosine of two songs of a list, on average"),
    "miscalibration": (
        "Genre miscalibration",
        "bits from the genres of the list to those that its listener plays, not all of which a short list "
        "can hold; 0: the same (Steck 2018)",
    ),
}
NEW = "New in the first 10"
SHARES = ("new_songs", "coverage", "popularity")
MOST_GENRES = 12
"""Shown at once; the others are folded."""


def headline(found: Content) -> Mapping[str, float | None] | None:
    """Recall@20 of all, known and new songs; None where nobody could be asked."""
    if "found" not in found:
        return None
    return {kind: found["found"][kind]["recall_at_20"] for kind in KINDS}


def draw_lists(found: Content) -> Markup:
    """The section; `found` as in served_quality.json, of which `rules` may be missing."""
    question, overall = found["question"], headline(found)
    if overall is None:
        return render("served_lists.html", question=question, counts={}, lists=None)
    genres = found["by_genre"]
    lists = {
        "quality": [(*said, _quality(found["found"], metric)) for metric, said in METRICS.items()],
        "chance": [number(min(1.0, k / question["listable_songs"])) for k in DEPTHS],
        "overall": overall,
        "popularity": _parts(found["by_popularity"], "songs", overall["known"]),
        "activity": _parts(found["by_activity"], "", overall["all"]),
        "genre": _parts(genres[:MOST_GENRES], "songs", None),
        "more_genres": _parts(genres[MOST_GENRES:], "songs", None),
        "n_more_genres": len(genres[MOST_GENRES:]),
        "make_up": _make_up(found),
        "rules": _rules(found["rules"]) if found.get("rules") else None,
    }
    return render("served_lists.html", question=question, counts=_counts(question), lists=lists)


def _counts(question: Content) -> dict[str, str]:
    return {
        "listeners": f"{question['listeners']:,}",
        "songs, known and new": f"{question['songs']:,}",
        "of them new": f"{question['new_songs']:,}",
        "held-out plays of known songs": f"{question['held_out_plays']:,}",
        "held-out plays of new songs": f"{question['plays_of_new_songs']:,}",
        "of what a listener could get is new": _percent(question["new_songs_of_listable"]),
    }


def _quality(found: Content, metric: str) -> Markup:
    axis = Axis.around([0.0, 1.0], 0.02)
    rows = []
    for kind, name in KINDS.items():
        values = found[kind]
        cells = [metric_cell(values, f"{metric}_at_{k}", f"First {k}", axis, signs=False) for k in DEPTHS]
        rows.append(TableRow(name, cells, [f"{values['listeners']:,} listeners"]))
    return draw_table(["Songs", *(f"First {k}" for k in DEPTHS)], rows, "results dense")


def _parts(parts: Sequence[Content], unit: str, overall: float | None) -> Markup:
    """Recall@20 of parts of the songs (`unit`) or listeners (`""`); `overall` is that of all of them."""
    rows = []
    for part in parts:
        asked = f"{part['listeners']:,} listeners"
        value, (low, high) = part["recall_at_20"], part["recall_at_20_ci95_artists"]
        note = f"{part['size']:,} {unit}, {asked}" if unit else asked
        words = ends_in_words(part, "recall_at_20", signs=False)
        rows.append(BarRow(part["name"], note, value, low, high, number(value), words))
    return bars_chart(rows, overall, "recall@20")


def _make_up(found: Content) -> Markup:
    rows = []
    for measure, (name, said) in MAKE_UP.items():
        written = _percent if measure in SHARES else number
        cells = [Cell(f"First {k}", written(found["makeup"][str(k)].get(measure))) for k in DEPTHS]
        notes = [said]
        if measure == "new_songs":
            notes.append(f"of what could be listed: {_percent(found['question']['new_songs_of_listable'])}")
        rows.append(TableRow(name, cells, notes))
    return draw_table(["Measure", *(f"First {k}" for k in DEPTHS)], rows, "results makeup")


def _rules(rules: Sequence[Content]) -> Markup:
    """Recall@20 under each rule; below it and drawn, what it is more or less than without any, paired."""
    headings = [f"Recall@20, {name.lower()}" for name in KINDS.values()]
    differences = {kind: [rule[f"recall_at_20_{kind}_difference"] for rule in rules] for kind in KINDS}
    axes = {kind: _difference_axis(found) for kind, found in differences.items()}
    rows = []
    for rule in rules:
        cells = [_recall_under(rule, kind, axes[kind]) for kind in KINDS]
        cells.append(Cell(NEW, _percent(rule["makeup"]["10"]["new_songs"])))
        notes = ["as params.yaml has it"] if rule["configured"] else []
        rows.append(TableRow(_rule_name(rule), cells, notes, stands_out=rule["configured"]))
    return draw_table(["Rule", *headings, NEW], rows, "results dense rules")


def _recall_under(rule: Content, kind: str, axis: Axis) -> Cell:
    recall, difference = rule[f"recall_at_20_{kind}"], rule[f"recall_at_20_{kind}_difference"]
    if rule["new_share"] is None and rule["max_per_artist"] is None:  # no rule, from which the others differ
        return Cell(KINDS[kind], number(recall))
    value, (low, high) = difference["value"], difference["ci95_artists"]
    ends = signed(value) + ("" if low is None else f" ({signed(low)} to {signed(high)})")
    return Cell(KINDS[kind], number(recall), ends, interval_bar(value, low, high, axis, 0.0))


def _difference_axis(differences: Sequence[Content]) -> Axis:
    return Axis.around([0.0, *(end for one in differences for end in (one["value"], *one["ci95_artists"]))])


def _rule_name(rule: Content) -> str:
    share, most = rule["new_share"], rule["max_per_artist"]
    parts = [] if share is None else [f"at least {100 * share:g} % new songs"]
    parts += [] if most is None else [f"at most {most} song{'' if most == 1 else 's'} of an artist"]
    named = " and ".join(parts) or "no rule"
    return named[0].upper() + named[1:]


def _percent(share: float | None) -> str:
    return number(None) if share is None else f"{number(100 * share, 1)} %"
