"""The page of how a song's listeners take over from its sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from earshot.evaluation.report.charts import Band, bands_chart
from earshot.evaluation.report.document import document
from earshot.evaluation.report.elements import MISSING, number, section, table, text
from earshot.evaluation.report.results import metric_axis, metric_cell

Content = Mapping[str, Any]

LABELS = {"prediction": "its sound alone", "plays": "its first listeners alone", "both": "both"}
KINDS = {"relevant": "Who are yet to play it", "irrelevant": "Who never do"}


def draw_page(found: Content) -> str:
    """The page: one HTML document that loads nothing; what it shows is as in warm_up.json."""
    shown = [column for column in found["columns"] if column["systems"]]
    parts = (_header(found, shown), _curve(shown), _ahead(shown), _mixed(found), _choice(found))
    return document("as plays come", "\n".join(parts))


def _header(found: Content, shown: Sequence[Content]) -> str:
    asked = found["songs"]
    return (
        '<header class="top"><p class="brand">earshot <span>warm-up</span></p>'
        "<h1>As plays come, a song moves from what it sounds like to who listens to it</h1>"
        f"<p>{_said(shown)} <b>n₀ = {found['n0']:g}</b> was chosen on {asked['choosing']:,} cold songs; "
        f"shown are {asked['shown']:,} others, of other artists.</p></header>"
    )


def _said(shown: Sequence[Content]) -> str:
    """The middle column in a sentence."""
    if not shown:
        return "Too few songs have listeners enough to say."
    column = shown[len(shown) // 2]
    values = [
        f"<b>{number(column['systems'][name]['auc'])}</b> from {label}" for name, label in LABELS.items()
    ]
    told = ", ".join(values).replace("from both", "from both together")
    return f"With {column['listeners']:,} listeners the others are found with an AUC of {told}."


def _curve(shown: Sequence[Content]) -> str:
    bands = {name: [_band(column["systems"][name]) for column in shown] for name in LABELS}
    chart = bands_chart([column["listeners"] for column in shown], bands, LABELS) if shown else ""
    caption = "<figcaption>first listeners of every song</figcaption>"
    return section(
        "curve",
        "As plays come",
        "AUC with which those are found who play a song later. Some of its listeners are drawn as its "
        "first; whom they are is known, so they count neither for nor against. Bands are 95 % intervals "
        "over artists. Made by <code>dvc repro warm_up</code>.",
        f'<figure class="curves">{chart}{caption}</figure>' if shown else "",
        _columns(shown),
    )


def _band(system: Content) -> Band:
    low, high = system["auc_ci95_artists"]
    return None if system["auc"] is None or low is None else (system["auc"], low, high)


def _columns(shown: Sequence[Content]) -> str:
    axis = metric_axis([system for column in shown for system in column["systems"].values()], "auc")
    rows = []
    for column in shown:
        cells = "".join(
            metric_cell(column["systems"][name], "auc", label.capitalize(), axis, signs=False)
            for name, label in LABELS.items()
        )
        rows.append(f"<tr>{_listeners(column)}{cells}</tr>")
    return table(["First listeners", *(label.capitalize() for label in LABELS.values())], rows, "results")


def _listeners(column: Content) -> str:
    n, left_out = column["listeners"], column["songs_left_out"]
    songs = f"{column['songs']:,} songs" + (f", {left_out:,} have too few" if left_out else "")
    return f'<th scope="row">{_counted(n)}<small>{songs}</small></th>'


def _counted(n: int) -> str:
    return "no listener" if n == 0 else "1 listener" if n == 1 else f"{n:,} listeners"


def _ahead(shown: Sequence[Content]) -> str:
    columns = [column for column in shown if column["listeners"]]
    headings = {
        (end, metric): f"{name} over {label}"
        for end, label in (("prediction", "sound"), ("plays", "listeners"))
        for metric, name in (("auc", "AUC"), ("map_at_500", "mAP"))
    }
    found = [values for column in columns for values in column["differences"].values()]
    axes = {metric: metric_axis(found, metric, 0.0) for metric in ("auc", "map_at_500")}
    rows = []
    for column in columns:
        cells = "".join(
            metric_cell(column["differences"][f"both_minus_{end}"], metric, heading, axes[metric], signs=True)
            for (end, metric), heading in headings.items()
        )
        rows.append(f'<tr><th scope="row">{_counted(column["listeners"])}</th>{cells}</tr>')
    return section(
        "ahead",
        "Both, against either end",
        "Paired differences over the same artists; the fine line is no difference.",
        table(["First listeners", *headings.values()], rows, "results"),
    )


def _mixed(found: Content) -> str:
    mixed = found["mixed"]
    axes = {kind: metric_axis([row[kind] for row in mixed], "rise", 0.0) for kind in KINDS}
    rows = []
    for row in mixed:
        cells = "".join(
            _place(row[kind], label) + metric_cell(row[kind], "rise", "Rise", axes[kind], signs=True)
            for kind, label in KINDS.items()
        )
        rows.append(f'<tr><th scope="row">{_counted(row["listeners"])}</th>{cells}</tr>')
    headings = [part for label in KINDS.values() for part in (label, "Rise")]
    return section(
        "mixed",
        "New and started songs in one list",
        "Half of the songs have their first listeners, half have none; then the halves change sides. A "
        "song's mean place in a listener's list, in per cent from its end, without listeners and with them.",
        table(["First listeners", *headings], rows, "results"),
    )


def _place(places: Content, label: str) -> str:
    new, started = (_percent(places[state]) for state in ("new", "started"))
    return f'<td data-label="{text(label)}"><span class="value">{new} → {started}</span></td>'


def _percent(value: float | None) -> str:
    return MISSING if value is None else number(100 * value, 1)


def _choice(found: Content) -> str:
    rows = []
    for tried in found["choice"]:
        kind = ' class="candidate"' if tried["n0"] == found["n0"] else ""
        down = ", ".join(f"{n:,}" for n in tried["pushes_down"])
        rows.append(
            f'<tr{kind}><th scope="row">{tried["n0"]:g}</th>'
            f'<td data-label="AUC"><span class="value">{number(tried["auc"], 4)}</span></td>'
            f'<td data-label="Pushes down">{f"with {down} listeners" if down else "nowhere"}</td></tr>'
        )
    return section(
        "choice",
        "How n₀ was chosen",
        "n₀ is how many listeners a song's sound stands for: those yet to come. On the other half of the "
        "songs, in lists of new and started ones, the best AUC is taken of those n₀ with which first "
        "listeners push no song down. Too small an n₀ takes those who have not yet played a song for "
        "people who dislike it.",
        table(["n₀", "AUC", "Pushes songs down"], rows, "results"),
    )
