"""What papers claim, and whether it holds on the catalogue at hand, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from earshot.pages.results import Cell, TableRow, draw_table

HOLDS = "holds"


def draw_claims(claims: Sequence[Mapping[str, str]]) -> Markup:
    """A line a claim: `claim`, `paper`, `here` and `verdict` as in claims.json; what holds stands out."""
    rows = [
        TableRow(
            claim["claim"],
            [
                Cell("The paper", words=[claim["paper"]]),
                Cell("Here", words=[claim["here"]]),
                Cell("Verdict", words=[claim["verdict"]]),
            ],
            stands_out=claim["verdict"] == HOLDS,
        )
        for claim in claims
    ]
    return draw_table(["Claim", "The paper", "Here", "Verdict"], rows, kind="results claims")
