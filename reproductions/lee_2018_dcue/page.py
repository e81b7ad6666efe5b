"""The page: the table of every paper, and below it time, known songs and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from comparison.claims import Claim
from comparison.page import draw_page as draw_comparison
from comparison.table import Table
from earshot.pages.charts import lines_chart
from earshot.pages.render import number, render
from earshot.pages.results import Cell, TableRow, draw_differences, draw_systems, draw_table
from lee_2018_dcue.systems import COLD, HOT, TAGS

Content = Mapping[str, Any]
USERS = {"basic_random": "users from nothing", "basic_factors": "users from factors"}
NEGATIVES = {"batch": "negatives of the batch", "exact": "negatives out of all songs"}


def draw_page(
    table: Table,
    claims: Sequence[Claim],
    known: Content,
    tags: Content,
    curve: pd.DataFrame,
    candidate: str,
) -> str:
    """One HTML document that loads nothing; `known`, `tags` and `curve` as in the files beside it."""
    k = table.metrics["k"]
    headings = {f"map_at_{k}": f"mAP@{k}", "auc": "AUC", "auc_centred": "AUC, centred"}
    of_tags = {"auc": "ROC-AUC", "pr_auc": "PR-AUC"}
    more = render(
        "lee_sections.html",
        Path(__file__).parent,
        chart=_chart(curve),
        ends=_ends(curve),
        known=draw_systems(known["systems"], HOT, headings, candidate),
        known_differences=draw_differences(known["differences"], headings, candidate),
        tags=draw_systems(tags["systems"], TAGS, of_tags, candidate) if "systems" in tags else None,
        no_tags=tags.get("empty"),
    )
    return draw_comparison(table, claims, COLD, candidate, "Lee et al. 2018", more)


def _curves(curve: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    parts = curve.groupby(["network", "negatives"], sort=False)
    return [
        (f"{USERS.get(str(network), network)}, {NEGATIVES[str(negatives)]}", lines)
        for (network, negatives), lines in parts
    ]


def _chart(curve: pd.DataFrame) -> Markup:
    lines = {
        label: list(zip(part["cpu_seconds"].tolist(), part["auc"].tolist(), strict=True))
        for label, part in _curves(curve)
    }
    labels = {f"g{n}": label for n, label in enumerate(lines)}
    return lines_chart(dict(zip(labels, lines.values(), strict=True)), labels, "CPU seconds")


def _ends(curve: pd.DataFrame) -> Markup:
    """Where each curve ends, and how fast it learned."""
    headings = [
        "Training",
        "AUC",
        "mAP",
        "CPU seconds",
        "Windows heard",
        "Plays learned from",
        "Plays a second",
    ]
    rows = []
    for label, part in _curves(curve):
        end = part.iloc[-1]
        values = [
            number(end["auc"]),
            number(end["map"]),
            f"{end['cpu_seconds']:,.0f}",
            f"{end['windows']:,.0f}",
            f"{end['plays']:,.0f}",
            f"{end['plays'] / max(end['cpu_seconds'], 1):,.0f}",
        ]
        cells = [Cell(heading, value) for heading, value in zip(headings[1:], values, strict=True)]
        rows.append(TableRow(label, cells))
    return draw_table(headings, rows)
