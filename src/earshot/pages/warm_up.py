"""The page of how a song's listeners take over from its sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from earshot.pages.charts import Band, bands_chart
from earshot.pages.elements import document, number, section, table
from earshot.pages.results import metric_axis, metric_cell

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
        f"<p>{_said(shown)} <b>n₀\u00a0=\u00a0{found['n0']:g}</b> was chosen on {asked['choosing']:,} cold "
        f"songs; shown are {asked['shown']:,} others, of other artists.</p></header>"
    )


def _said(shown: Sequence[Content]) -> str:
    """The middle column in a sentence."""
    if len(shown) < 2:
        return "Too few songs have listeners enough to say."
    column = shown[len(shown) // 2]
    values = [
        f"<b>{number(column['systems'][name]['auc'])}</b> from {label}" for name, label in LABELS.items()
    ]
    told = ", ".join(values).replace("from both", "from both together")
    return f"With {_counted(column['listeners'])} the others are found with an AUC of {told}."


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
            metric_cell(column["systems"][name], "auc", heading, axis, signs=False)
            for name, heading in HEADINGS.items()
        )
        rows.append(f"<tr>{_listeners(column)}{cells}</tr>")
    return table(["First listeners", *HEADINGS.values()], rows, "results")


def _listeners(column: Content) -> str:
    n, left_out = column["listeners"], column["songs_left_out"]
    songs = f"{column['songs']:,} songs" + (f"; too few listeners: {left_out:,}" if left_out else "")
    return f'<th scope="row">{_counted(n)}<small>{songs}</small></th>'


def _counted(n: int) -> str:
    return "None" if n == 0 else "1 listener" if n == 1 else f"{n:,} listeners"


def _ahead(shown: Sequence[Content]) -> str:
    columns = [column for column in shown if column["listeners"]]
    found = [values for column in columns for values in column["differences"].values()]
    axes = {metric: metric_axis(found, metric, 0.0) for metric in ("auc", "map_at_500")}
    rows = []
    for column in columns:
        cells = "".join(
            metric_cell(column["differences"][f"both_minus_{end}"], metric, heading, axes[metric], signs=True)
            for (end, metric), heading in GAINS.items()
        )
        rows.append(f'<tr><th scope="row">{_counted(column["listeners"])}</th>{cells}</tr>')
    return section(
        "ahead",
        "Both, against either end",
        "Paired differences over the same artists; the fine line is no difference.",
        table(["First listeners", *GAINS.values()], rows, "results dense"),
    )


def _mixed(found: Content) -> str:
    mixed = found["mixed"]
    axes = {kind: metric_axis([row[kind] for row in mixed], "rise", 0.0) for kind in KINDS}
    rows = []
    for row in mixed:
        cells = "".join(
            metric_cell(row[kind], "rise", label, axes[kind], signs=True) for kind, label in KINDS.items()
        )
        rows.append(f'<tr><th scope="row">{_counted(row["listeners"])}{_places(row)}</th>{cells}</tr>')
    return section(
        "mixed",
        "New and started songs in one list",
        "Half of the songs have their first listeners, half have none; then the halves change sides. What "
        "a song's first listeners do to its place in the lists of those who are yet to play it and of those "
        "who never do, 0 at the end of a list and 1 at its top.",
        table(["First listeners", *KINDS.values()], rows, "results"),
    )


def _places(row: Content) -> str:
    places = (
        f"<small>{label}: {number(row[kind]['new'])} → {number(row[kind]['started'])}</small>"
        for kind, label in KINDS.items()
    )
    return "".join(places)


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
        "n₀ is how many listeners a song's sound stands for: with so many it counts no more. On the other "
        "half of the songs, in lists of new and started ones, the best AUC is taken of those n₀ with which "
        "first listeners push no song down. Too small an n₀ takes those who have not yet played a song for "
        "people who dislike it.",
        table(["n₀", "AUC", "Pushes songs down"], rows, "results"),
    )
