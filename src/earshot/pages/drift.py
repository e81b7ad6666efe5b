"""The page on drift: every measure over the deliveries, beside what chance allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from earshot.columns import DELIVERY
from earshot.evaluation.drift import BANDWIDTH, HYPER_IMAGE, LOUDNESS, PREDICTED_NORM, SET_ASIDE
from earshot.evaluation.drift_words import WORDS, expected, observed
from earshot.pages.charts import Axis, interval_bar
from earshot.pages.render import counted, number, render
from earshot.pages.results import Cell, TableRow, draw_table

NEWEST = 100
"""Deliveries shown."""


TITLES = {
    HYPER_IMAGE: "Sound",
    LOUDNESS: "Loudness",
    BANDWIDTH: "Bandwidth",
    PREDICTED_NORM: "Predicted factors",
    SET_ASIDE: "Files set aside",
}
HUBS = {
    "skewness": "skewness of how often a song is a neighbour",
    "largest_share_of_places": "share of all places that one song takes",
    "share_of_songs_near_none": "songs that are nobody's neighbour",
    "one_listener_share_of_songs": "songs of a single listener",
    "one_listener_share_of_places": "places that these take",
}


def draw_page(lines: pd.DataFrame, hubs: Mapping[str, float], foot: str = "") -> str:
    """One HTML document that needs no other file, the newest delivery on top.

    Parameters
    ----------
    lines
        As in drift.parquet.
    hubs
        Of `earshot.recommend.similar.describe_hubs`; none where nothing is released.
    foot
        Where the numbers come from.
    """
    newest = lines[lines[DELIVERY].isin(lines[DELIVERY].drop_duplicates().iloc[-NEWEST:])]
    deliveries = lines.groupby(DELIVERY, sort=False).agg({"new_songs": "first", "drifted": "any"})
    new = deliveries[deliveries["new_songs"] > 0]
    return render(
        "drift.html",
        found=_found(int(new["drifted"].sum()), len(new)),
        known=_known(len(deliveries) - len(new)),
        measures=[
            (name, title, WORDS[name].description, _table(newest[newest["measure"] == name]))
            for name, title in TITLES.items()
        ],
        hubs={label: number(hubs[name]) for name, label in HUBS.items()} if hubs else {},
        foot=foot,
    )


def _found(n_drifted: int, n_new: int) -> str:
    """How many deliveries that bring songs not trained on differ, in a sentence."""
    if n_new == 0:
        return "No delivery has brought new songs since the last training."
    if n_new == 1:
        differs = "differs" if n_drifted else "does not differ"
        return f"The one delivery since the last training {differs} by more than chance."
    differ = "differs" if n_drifted < 2 else "differ"
    return (
        f"{n_drifted or 'None'} of {n_new:,} deliveries since the last training {differ} by more than chance."
    )


def _known(n: int) -> str:
    """How many deliveries hold nothing but songs trained on; nothing where there is none."""
    if n == 0:
        return ""
    return f"The songs of {'one delivery' if n == 1 else f'{n:,} deliveries'} were all trained on."


def _table(lines: pd.DataFrame) -> Markup | None:
    """The deliveries by one measure; None where none was measured."""
    if lines.empty:
        return None
    axis = Axis.around(lines[["observed", "low", "high"]].to_numpy().ravel().tolist())
    rows = [_row(line, axis) for line in lines.iloc[::-1].to_dict("records")]
    return draw_table(["Delivery", "Observed, and by chance"], rows)


def _row(line: Mapping[Any, Any], axis: Axis) -> TableRow:
    drifted = "far beyond chance" if line["far"] else "drifted"
    state = drifted if line["drifted"] else "as trained"
    new = f"{line['new_songs']:,} of them not trained on" if line["new_songs"] else "all trained on"
    songs = f"{counted(line['songs'], 'song')}, {new}: {state}"
    bar = interval_bar(line["observed"], line["low"], line["high"], axis, axis.low)
    cell = Cell("Observed", observed(line), expected(line), bar)
    return TableRow(line[DELIVERY], [cell], [songs], stands_out=line["drifted"])
