"""`earshot paper`: the papers' comparisons, what they cost, and what of the papers holds here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from earshot.terminal import AsJson, tell_json

if TYPE_CHECKING:
    from earshot.lanes.papers import Paper


def paper(
    name: Annotated[str | None, typer.Argument(help="a folder of reproductions/; all without it")] = None,
    as_json: AsJson = False,
) -> None:
    """List the papers' comparisons: what each needs and costs, whether its table is fresh, what holds."""
    show_papers(Path.cwd(), name, as_json)


def show_papers(root: Path, name: str | None = None, as_json: bool = False) -> None:
    """Print the papers, or the claims of one, and draw the page of all claims."""
    from rich.console import Console

    from earshot.lanes.papers import read_papers, write_page
    from earshot.workspace import require_workspace

    require_workspace(root)
    papers, console = read_papers(root, name), Console()
    if as_json:
        tell_json([asdict(paper) for paper in papers])
        return
    console.print(_overview(papers))
    if name is not None:
        if papers[0].claims:
            console.print(_claims(papers[0]))
        for kind, parts in (("changed", papers[0].changed), ("report", papers[0].reports)):
            for part in parts:
                console.print(f"  {kind}  {part}", soft_wrap=True, highlight=False)
    place = write_page(root).relative_to(root)
    console.print(f"  all claims  {place}", soft_wrap=True, highlight=False)


def _overview(papers: list[Paper]) -> Any:
    from rich.table import Table

    total = sum(paper.minutes or 0 for paper in papers)
    caption = f"CPU minutes on this machine, {total:.0f} in all. `dvc repro reproductions/PAPER/dvc.yaml`"
    table = Table(caption=caption, caption_justify="left")
    for heading in ("paper", "needs", "minutes", "table", "claims that hold"):
        justify: Literal["left", "right"] = "right" if heading == "minutes" else "left"
        table.add_column(heading, justify=justify, no_wrap=heading == "paper")
    for paper in papers:
        hold = sum(claim["verdict"] == "holds" for claim in paper.claims)
        table.add_row(
            paper.name,
            ", ".join(place.removeprefix("data/") for place in paper.needs),
            "" if paper.minutes is None else f"{paper.minutes:.0f}",
            paper.state,
            f"{hold} of {len(paper.claims)}" if paper.claims else "",
        )
    return table


def _claims(paper: Paper) -> Any:
    from rich.table import Table

    table = Table(title=paper.title, title_justify="left")
    for heading in ("claim", "the paper", "here", "verdict"):
        table.add_column(heading)
    for claim in paper.claims:
        table.add_row(claim["claim"], claim["paper"], claim["here"], claim["verdict"])
    return table
