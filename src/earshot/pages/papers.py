"""The page of all papers: what each claims, and whether it holds on the catalogue at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from earshot.pages.claims import draw_claims
from earshot.pages.render import render


class PaperPart(NamedTuple):
    """A paper: its folder, what it is called, the state of its tables, its claims and pages (below data/)."""

    name: str
    title: str
    state: str
    claims: Sequence[Mapping[str, str]]
    reports: Sequence[str]


def draw_page(papers: Sequence[PaperPart]) -> str:
    """One HTML document that loads nothing, to stand in data/, where its links lead from."""
    verdicts = [claim["verdict"] for paper in papers for claim in paper.claims]
    return render(
        "papers.html",
        counts={verdict: verdicts.count(verdict) for verdict in ("holds", "does not hold", "cannot be told")},
        papers=[
            {
                **paper._asdict(),
                "claims": draw_claims(paper.claims) if paper.claims else None,
                "reports": [report.removeprefix("data/") for report in paper.reports],
            }
            for paper in papers
        ],
    )
