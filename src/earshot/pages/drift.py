"""The page on drift: every measure over the deliveries, beside what chance allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from earshot.columns import DELIVERY
from earshot.evaluation.drift import BANDWIDTH, HYPER_IMAGE, LOUDNESS, PREDICTED_NORM, SET_ASIDE
from earshot.pages.charts import Axis, interval_bar
from earshot.pages.elements import document, facts, number, section, table, text

NEWEST = 100
"""Deliveries shown."""


@dataclass(frozen=True)
class Measure:
    """How a measure is told: a heading, a sentence, `digits` after the point and a unit."""

    title: str
    description: str
    digits: int
    unit: str = ""

    def write(self, value: float) -> str:
        """`value` with its digits and unit."""
        return f"{number(value, self.digits)} {self.unit}".strip()


MEASURES = {
    HYPER_IMAGE: Measure(
        "Sound", "distance of the mean hyper-image, in standard deviations between songs", 3
    ),
    LOUDNESS: Measure("Loudness", "mean energy of the mel rows", 1, "dB"),
    BANDWIDTH: Measure("Bandwidth", "mean frequency below which 99 % of the energy lies", 0, "Hz"),
    PREDICTED_NORM: Measure("Predicted factors", "mean length of the factors that the encoder predicts", 3),
    SET_ASIDE: Measure("Files set aside", "share of files that could not be used", 3),
}


def observed(line: Mapping[Any, Any]) -> str:
    """The observed value of `line`, a row of drift.parquet, with its unit."""
    return MEASURES[line["measure"]].write(line["observed"])


def expected(line: Mapping[Any, Any]) -> str:
    """The range that chance allows in `line`, a row of drift.parquet, with its unit."""
    measure = MEASURES[line["measure"]]
    return f"{number(line['low'], measure.digits)} to {measure.write(line['high'])}"


HUBS = {
    "skewness": "skewness of how often a song is a neighbour",
    "largest_share_of_places": "share of all places that one song takes",
    "share_of_songs_near_none": "songs that are nobody's neighbour",
    "one_listener_share_of_songs": "songs of a single listener",
    "one_listener_share_of_places": "places that these take",
}


def draw_page(lines: pd.DataFrame, hubs: Mapping[str, float]) -> str:
    """One HTML document that loads nothing, the newest delivery on top.

    Parameters
    ----------
    lines
        As in drift.parquet.
    hubs
        Of `earshot.recommend.similar.describe_hubs`; none where nothing is released.
    """
    newest = lines[lines[DELIVERY].isin(lines[DELIVERY].drop_duplicates().iloc[-NEWEST:])]
    sections = [_section(name, measure, newest) for name, measure in MEASURES.items()]
    return document("drift", "\n".join([_header(lines), *sections, _hubs(hubs)]))


def _hubs(hubs: Mapping[str, float]) -> str:
    if not hubs:
        return ""
    lead = "How unevenly songs are among the ten nearest of others, in what is served."
    return section("hubs", "Hubs", lead, facts({HUBS[name]: number(hubs[name]) for name in HUBS}))


def _header(lines: pd.DataFrame) -> str:
    deliveries = lines.groupby(DELIVERY, sort=False).agg({"new_songs": "first", "drifted": "any"})
    new = deliveries[deliveries["new_songs"] > 0]
    return (
        '<header class="top"><p class="brand">earshot <span>drift</span></p>'
        "<h1>Do new songs still sound like those trained on?</h1>"
        f"<p><b>{int(new['drifted'].sum())}</b> of <b>{len(new)}</b> deliveries since the last training "
        f"differ by more than chance; {len(deliveries)} deliveries in all.</p></header>"
    )


def _section(name: str, measure: Measure, lines: pd.DataFrame) -> str:
    of = lines[lines["measure"] == name]
    if of.empty:
        return section(name, measure.title, "Nothing is released: nothing is predicted.")
    axis = Axis.around(of[["observed", "low", "high"]].to_numpy().ravel().tolist())
    rows = [_row(line, axis) for line in of.iloc[::-1].to_dict("records")]
    lead = (
        f"The dot: {text(measure.description)}. The bar: what as many random songs of the training data give."
    )
    return section(name, measure.title, lead, table(["Delivery", "Observed, and by chance"], rows, "results"))


def _row(line: Mapping[Any, Any], axis: Axis) -> str:
    kind = ' class="candidate"' if line["drifted"] else ""
    drifted = "far beyond chance" if line["far"] else "drifted"
    state = drifted if line["drifted"] else "as trained"
    songs = f"{line['songs']:,} songs, {line['new_songs']:,} of them not trained on: {state}"
    bar = interval_bar(line["observed"], line["low"], line["high"], axis, axis.low)
    return (
        f'<tr{kind}><th scope="row">{text(line[DELIVERY])}<small>{songs}</small></th>'
        f'<td data-label="Observed"><span class="value">{observed(line)}</span>'
        f'<span class="ends">{expected(line)}</span>{bar}</td></tr>'
    )
