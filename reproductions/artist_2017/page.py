"""The page: the table of every paper, and below it artists, tags, genres, and how many artists it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from auto_tagging.systems import DESCRIPTIONS as OF_TAGGERS
from comparison.claims import Claim
from comparison.page import draw_page as draw_comparison
from comparison.systems import DESCRIPTIONS
from comparison.table import Table
from earshot.pages.charts import lines_chart
from earshot.pages.render import number, render
from earshot.pages.results import Cell, TableRow, draw_differences, draw_systems, draw_table

Content = Mapping[str, Any]

KINDS = {
    "untrained": "the network of artist_softmax before it has learned anything",
    "artist_siamese": "a network that learned which two songs are of one artist (cosines and a hinge)",
    "artist_softmax": "a network that learned whose songs it hears (softmax)",
}
MEASURES = {"factors_auc": "Cold songs ranked", "artist_auc": "Artists", "genre_auc": "Genres"}


def draw_page(
    table: Table, claims: Sequence[Claim], found: Mapping[str, Content], curve: pd.DataFrame, candidate: str
) -> str:
    """One HTML document that loads nothing; `found` by file name, and `curve`, as in the files beside it."""
    k = table.metrics["k"]
    of_rankings = {f"map_at_{k}": f"mAP@{k}", "auc": "AUC"}
    of_tags = {"auc": "ROC-AUC", "pr_auc": "PR-AUC"}
    vectors = {name: f"a ridge regression on the vectors of {words}" for name, words in KINDS.items()}
    parts = [
        ("Artists never met", _section(found["artists"], KINDS | _BY_COSINE, of_rankings, candidate)),
        ("Tags of artists never met", _section(found["tags"], OF_TAGGERS | vectors, of_tags, candidate)),
        ("Genres of artists never met", _section(found["genres"], OF_TAGGERS | vectors, of_tags, candidate)),
    ]
    more = render(
        "artist_sections.html",
        Path(__file__).parent,
        parts=parts,
        charts=_charts(curve),
        sizes=_sizes(curve),
    )
    return draw_comparison(table, claims, DESCRIPTIONS | vectors, candidate, "Park et al. 2018", more)


_BY_COSINE = {
    "random": "numbers drawn at random",
    "linear_bow": "bags of MFCC words, nothing learned",
    "linear_statistics": "mean, spread and step of every row, nothing learned",
}


def _section(
    found: Content, descriptions: Mapping[str, str], headings: Mapping[str, str], candidate: str
) -> Mapping[str, Any]:
    if "empty" in found:
        return {"empty": found["empty"]}
    return {
        "systems": draw_systems(found["systems"], descriptions, headings, candidate),
        "differences": draw_differences(found["differences"], headings, candidate),
    }


def _charts(curve: pd.DataFrame) -> list[tuple[str, Markup]]:
    untrained, trained = curve.iloc[0], curve.iloc[1:]
    charts = []
    for measure in (name for name in MEASURES if name in curve):
        most = float(trained["artists"].max())
        lines = {
            f"{songs} songs of each": list(zip(part["artists"].tolist(), part[measure].tolist(), strict=True))
            for songs, part in trained.groupby("songs")
        }
        lines["untrained"] = [(0.0, untrained[measure]), (most, untrained[measure])]
        labels = {f"g{n}": label for n, label in enumerate(lines)}
        by_colour = dict(zip(labels, lines.values(), strict=True))
        charts.append((MEASURES[measure], lines_chart(by_colour, labels, "artists learned from")))
    return charts


def _sizes(curve: pd.DataFrame) -> Markup:
    there = [name for name in MEASURES if name in curve]
    headings = ["Learned from", *(MEASURES[name] for name in there)]
    rows = [
        TableRow(
            f"{line['artists']:,} artists, {line['learned']:,} songs" if line["artists"] else "nothing",
            [Cell(MEASURES[name], number(line[name])) for name in there],
        )
        for line in curve.to_dict("records")
    ]
    return draw_table(headings, rows)
