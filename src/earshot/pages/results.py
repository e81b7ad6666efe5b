"""The result tables: every number with its interval, drawn beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from earshot.artists import too_few_artists
from earshot.pages.charts import Axis, interval_bar
from earshot.pages.render import number, render, signed

Values = Mapping[str, Any]


class Cell(NamedTuple):
    """A value with its interval in words and drawn, or lines of `words`; `label` is the heading above it.

    `kind` are classes of page.css for the words.
    """

    label: str
    value: str = ""
    ends: str = ""
    bar: Markup = Markup()
    words: Sequence[str] = ()
    kind: str = ""


class TableRow(NamedTuple):
    """A name with what is said below it, and its cells."""

    name: str
    cells: Sequence[Cell]
    notes: Sequence[str] = ()
    stands_out: bool = False


def draw_table(headings: Iterable[str], rows: Iterable[TableRow], kind: str = "results") -> Markup:
    """`headings` stand above names and cells; `kind` are classes of page.css."""
    return render("table.html", headings=headings, rows=rows, kind=kind)


def draw_systems(
    systems: Mapping[str, Values], descriptions: Mapping[str, str], metrics: Mapping[str, str], candidate: str
) -> Markup:
    """A line a system; `metrics` by key of metrics.json -> heading; `candidate` stands out."""
    axes = {metric: metric_axis(list(systems.values()), metric) for metric in metrics}
    rows = [
        TableRow(
            name,
            _cells(values, metrics, axes, signs=False),
            [descriptions.get(name, "")],
            stands_out=name == candidate,
        )
        for name, values in systems.items()
    ]
    return draw_table(["System", *metrics.values()], rows)


def draw_differences(differences: Mapping[str, Values], metrics: Mapping[str, str], candidate: str) -> Markup:
    """The candidate against every other system: paired differences with their intervals around zero."""
    shown = {name: values for name, values in differences.items() if candidate in name.split("_minus_")}
    axes = {metric: metric_axis(list(shown.values()), metric, 0.0) for metric in metrics}
    rows = []
    for name, values in shown.items():
        later, earlier = name.split("_minus_")
        verdict = f"{later} {'beats' if values['beats'] else 'does not beat'} {earlier}{_chance(values)}"
        rows.append(TableRow(f"{later} − {earlier}", _cells(values, metrics, axes, signs=True), [verdict]))
    return draw_table(["Difference", *metrics.values()], rows)


def _cells(
    values: Values, metrics: Mapping[str, str], axes: Mapping[str, Axis], *, signs: bool
) -> list[Cell]:
    return [
        metric_cell(values, metric, heading, axes[metric], signs=signs) for metric, heading in metrics.items()
    ]


def _chance(values: Values) -> str:
    p = values.get("auc_p")
    if p is None or p > 0.5:
        return ""
    written = "≤ 0.0001" if p <= 0.0001 else f"= {p:.2g}"
    # the parts of an equation stay on one line
    return " (AUC: " + f"p {written}".replace(" ", "\N{NO-BREAK SPACE}") + ")"


def draw_kinds(kinds: Mapping[str, Values | None], metrics: Mapping[str, str]) -> Markup:
    """Candidates of known artists and of cold ones apart; nothing where there is only one kind."""
    there = {
        kind.replace("_", " "): {**found, "systems": draw_systems(found["systems"], {}, metrics, "")}
        for kind, found in kinds.items()
        if found is not None
    }
    return render("kinds.html", kinds=there) if len(there) > 1 else Markup()


def metric_axis(rows: Sequence[Values], metric: str, *also: float) -> Axis:
    """Around a metric of all rows, with its intervals."""
    ends = [end for values in rows for end in values[f"{metric}_ci95_artists"]]
    return Axis.around([*ends, *(values[metric] for values in rows), *also])


def metric_cell(values: Values, metric: str, heading: str, axis: Axis, *, signs: bool) -> Cell:
    """A value with its interval or the spread of permutations, in words and drawn; `signs`: a difference."""
    value, (low, high) = values[metric], _ends(values, metric)
    mark = 0.5 if metric.startswith("auc") and not signs else 0.0
    written = signed(value) if signs else number(value)
    words = ends_in_words(values, metric, signs=signs)
    return Cell(heading, written, words, interval_bar(value, low, high, axis, mark))


def ends_in_words(values: Values, metric: str, *, signs: bool) -> str:
    """The ends of a value's interval or of its permutations; that there are too few artists."""
    written = signed if signs else number
    low, high = _ends(values, metric)
    if values[metric] is not None and low is None:
        return too_few_artists(values["n_artists"])
    start = "permutations " if f"{metric}_permutations" in values else ""
    return f"{start}{written(low)} to {written(high)}"


def _ends(values: Values, metric: str) -> Sequence[float | None]:
    ends: Sequence[float | None] = values.get(f"{metric}_permutations") or values[f"{metric}_ci95_artists"]
    return ends
