"""What papers claim, and whether it holds on the catalogue at hand, as a table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from earshot.pages.results import Cell, TableRow, draw_table

VERDICTS = {"holds": ("✓", "holds"), "does not hold": ("✗", "aside"), "cannot be told": ("?", "soft")}
"""Verdict of claims.json -> the mark before it and its class of page.css."""


def draw_claims(claims: Sequence[Mapping[str, str]]) -> Markup:
    """A line a claim: `claim`, `paper`, `here` and `verdict` as in claims.json."""
    rows = [TableRow(claim["claim"], _cells(claim)) for claim in claims]
    return draw_table(["Claim", "The paper", "Here", "Verdict"], rows, kind="results claims")


def _cells(claim: Mapping[str, str]) -> list[Cell]:
    mark, kind = VERDICTS[claim["verdict"]]
    return [
        Cell("The paper", words=[claim["paper"]]),
        Cell("Here", words=[_figures(claim["here"])]),
        Cell("Verdict", words=[f"{mark} {claim['verdict']}"], kind=kind),
    ]


def _figures(here: str) -> str:
    """With metrics as tables head them, and a real minus.

    >>> _figures("map_at_500 +0.007 (-0.001 to +0.014)")
    'mAP@500 +0.007 (−0.001 to +0.014)'
    """
    named = re.sub(r"\bauc\b", "AUC", re.sub(r"\bmap_at_(?=\d)", "mAP@", here))
    return re.sub(r"(?<![\w.])-(?=\d)", "−", named)
