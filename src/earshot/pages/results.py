"""The result tables: every number with its interval, drawn beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from earshot.artists import too_few_artists
from earshot.pages.charts import Axis, interval_bar
from earshot.pages.elements import number, signed, table, text

Values = Mapping[str, Any]


def draw_systems(
    systems: Mapping[str, Values], descriptions: Mapping[str, str], metrics: Mapping[str, str], candidate: str
) -> str:
    """A line a system; `metrics` by key of metrics.json -> heading; `candidate` stands out."""
    axes = {metric: metric_axis(list(systems.values()), metric) for metric in metrics}
    rows = []
    for name, values in systems.items():
        cells = "".join(
            metric_cell(values, metric, heading, axes[metric], signs=False)
            for metric, heading in metrics.items()
        )
        described = f"<small>{text(descriptions.get(name, ''))}</small>"
        kind = ' class="candidate"' if name == candidate else ""
        rows.append(f'<tr{kind}><th scope="row">{text(name)}{described}</th>{cells}</tr>')
    return table(["System", *metrics.values()], rows, "results")


def draw_differences(differences: Mapping[str, Values], metrics: Mapping[str, str], candidate: str) -> str:
    """The candidate against every other system: paired differences with their intervals around zero."""
    shown = {name: values for name, values in differences.items() if candidate in name.split("_minus_")}
    axes = {metric: metric_axis(list(shown.values()), metric, 0.0) for metric in metrics}
    rows = []
    for name, values in shown.items():
        later, earlier = name.split("_minus_")
        cells = "".join(
            metric_cell(values, metric, heading, axes[metric], signs=True)
            for metric, heading in metrics.items()
        )
        verdict = f"{later} {'beats' if values['beats'] else 'does not beat'} {earlier}{_chance(values)}"
        named = f"{text(later)} − {text(earlier)}<small>{text(verdict)}</small>"
        rows.append(f'<tr><th scope="row">{named}</th>{cells}</tr>')
    return table(["Difference", *metrics.values()], rows, "results")


def _chance(values: Values) -> str:
    p = values.get("auc_p")
    return "" if p is None or p > 0.5 else f" (AUC: p = {p:.2g})"


def draw_kinds(kinds: Mapping[str, Values | None], metrics: Mapping[str, str]) -> str:
    """Candidates of known artists and of cold ones apart; nothing where there is only one kind."""
    there = {kind: found for kind, found in kinds.items() if found is not None}
    if len(there) < 2:
        return ""
    tables = (
        f"<h3>{found['candidates']:,} songs of {text(kind.replace('_', ' '))}, "
        f"{found['n_users']:,} listeners</h3>{draw_systems(found['systems'], {}, metrics, '')}"
        for kind, found in there.items()
    )
    summary = "<summary>Songs of known artists and of artists never heard, apart</summary>"
    return f"<details>{summary}{''.join(tables)}</details>"


def metric_axis(rows: Sequence[Values], metric: str, *also: float) -> Axis:
    """Around a metric of all rows, with its intervals."""
    ends = [end for values in rows for end in values[f"{metric}_ci95_artists"]]
    return Axis.around([*ends, *(values[metric] for values in rows), *also])


def metric_cell(values: Values, metric: str, heading: str, axis: Axis, *, signs: bool) -> str:
    """A value with its interval in words and drawn; `signs` where it is a difference."""
    value, (low, high) = values[metric], values[f"{metric}_ci95_artists"]
    written = signed if signs else number
    mark = 0.5 if metric.startswith("auc") and not signs else 0.0
    too_few = value is not None and low is None
    ends = too_few_artists(values["n_artists"]) if too_few else f"{written(low)} to {written(high)}"
    return (
        f'<td data-label="{text(heading)}"><span class="value">{written(value)}</span>'
        f'<span class="ends">{ends}</span>{interval_bar(value, low, high, axis, mark)}</td>'
    )
