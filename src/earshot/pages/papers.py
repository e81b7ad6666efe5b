"""The page of all papers: what each claims, and whether it holds on the catalogue at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from earshot.pages.claims import VERDICTS, draw_claims
from earshot.pages.render import render


class PaperPart(NamedTuple):
    """A paper.

    Attributes
    ----------
    name, title
        Its folder, and what it is called.
    state
        Of its tables: fresh, stale or not made.
    claims
        As in claims.json.
    reports
        Its pages, below data/.
    made
        When and at which commit its tables were made, by stage.
    """

    name: str
    title: str
    state: str
    claims: Sequence[Mapping[str, str]]
    reports: Sequence[str]
    made: Mapping[str, str]


def draw_page(papers: Sequence[PaperPart], foot: str = "") -> str:
    """The page, above its `foot`: one HTML document that loads nothing.

    It stands in data/, where its links lead from.
    """
    verdicts = [claim["verdict"] for paper in papers for claim in paper.claims]
    return render(
        "papers.html",
        n_claims=len(verdicts),
        n_made=sum(bool(paper.claims) for paper in papers),
        counts={verdict: verdicts.count(verdict) for verdict in VERDICTS},
        papers=[
            {
                **paper._asdict(),
                "claims": draw_claims(paper.claims) if paper.claims else None,
                "reports": {_name(report): report.removeprefix("data/") for report in paper.reports},
            }
            for paper in papers
        ],
        foot=foot,
    )


def _name(report: str) -> str:
    """Of the stage that made it, in words: `data/<paper>/<stage>/report.html`."""
    return report.split("/")[-2].replace("_", " ")
