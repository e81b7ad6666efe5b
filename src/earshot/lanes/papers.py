"""The papers that reproductions/ holds: what each needs and costs, whether its table is fresh, what holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from earshot.costs import read_unit_costs, slowness
from earshot.errors import UserError
from earshot.files import read_json, replace_text
from earshot.pages.foot import draw_lines
from earshot.pages.papers import PaperPart, draw_page
from earshot.stages import provenance
from earshot.versioning import Definition, changed_inputs, read_definitions, split_target

FOLDER = "reproductions"
CLAIMS = "claims.json"
PAGE = "data/papers.html"

State = Literal["fresh", "stale", "not made"]


@dataclass(frozen=True)
class Paper:
    """One folder of reproductions/.

    Attributes
    ----------
    name, title
        Of the folder, and the first line of what its package says of itself.
    needs
        Outputs of other stages that it reads, below data/.
    minutes
        CPU minutes that its small.yaml takes on this machine, on the embedded catalogue; None: not known.
    state
        Whether its tables are made, and of what stands in params, code and data now.
    changed
        What a stale one was not made of: deps and keys of params.
    claims
        As `comparison.claims` writes them; nothing before it has run.
    reports
        Its pages, relative to the workspace.
    """

    name: str
    title: str
    needs: list[str]
    minutes: float | None
    state: State
    changed: list[str]
    claims: list[dict[str, str]]
    reports: list[str]


def read_papers(root: Path, name: str | None = None) -> list[Paper]:
    """Of the workspace at `root`, by name; or that called `name` alone.

    Raises
    ------
    UserError
        There is none, or none of that name.
    """
    found = sorted(path.parent for path in (root / FOLDER).glob("*/dvc.yaml"))
    if not found:
        raise UserError(
            f"no papers: {FOLDER}/ holds no folder with a dvc.yaml; run this in a clone of earshot"
        )
    chosen = [folder for folder in found if name in (None, folder.name)]
    if not chosen:
        names = ", ".join(folder.name for folder in found)
        raise UserError(f"paper={name!r} must be one of {names}")
    return [_read(root, folder) for folder in chosen]


def write_page(root: Path) -> Path:
    """Draw data/papers.html: every paper with its claims, and whether they hold here."""
    parts = [
        PaperPart(each.name, each.title, each.state, each.claims, each.reports, _made(root, each.name))
        for each in read_papers(root)
    ]
    foot = draw_lines(provenance.drawn_now(root, f"{FOLDER}/ and the papers' {CLAIMS}"))
    replace_text(root / PAGE, draw_page(parts, foot))
    return root / PAGE


def _read(root: Path, folder: Path) -> Paper:
    stages = read_definitions(root, f"{FOLDER}/{folder.name}")
    made = {stage.place(stage.output) for stage in stages}
    changed = {stage.target: changed_inputs(root, stage) for stage in stages}
    costs = read_unit_costs()
    minutes = costs.papers.get(folder.name)
    return Paper(
        folder.name,
        _title(folder),
        sorted({place for stage in stages for place in _data(stage) if place not in made}),
        None if minutes is None else minutes * slowness(costs.probe_seconds),
        _state(list(changed.values())),
        sorted({each for found in changed.values() for each in found or ()}),
        [claim for place in sorted(made) for claim in _claims(root / place)],
        [f"{place}/report.html" for place in sorted(made) if (root / place / "report.html").is_file()],
    )


def _made(root: Path, name: str) -> dict[str, str]:
    """Stage -> when and at which commit it ran last, where that was noted."""
    targets = [stage.target for stage in read_definitions(root, f"{FOLDER}/{name}")]
    noted = {split_target(target)[1]: provenance.made(root, target) for target in targets}
    return {stage.replace("_", " "): told for stage, told in noted.items() if told is not None}


def _state(changed: list[list[str] | None]) -> State:
    if any(each is None for each in changed):
        return "not made"
    return "stale" if any(changed) else "fresh"


def _data(stage: Definition) -> Iterator[str]:
    return (place for place in map(stage.place, stage.deps) if place.startswith("data/"))


def _title(folder: Path) -> str:
    said = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    return (said or folder.name).splitlines()[0].rstrip(".")


def _claims(output: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = read_json(output / CLAIMS) if (output / CLAIMS).is_file() else []
    return found
