"""The result table on the terminal, what was released, and where to look further."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from earshot.artists import too_few_artists
from earshot.files import read_json
from earshot.releases import Manifest, nothing_released, read_pointer
from earshot.workspace import not_yet


def show_results(root: Path) -> None:
    """Print the systems with mAP and AUC, the last decision of the release gate, and the places to look.

    Raises
    ------
    UserError
        There is no evaluation report yet.
    """
    from rich.console import Console

    report = root / "data" / "evaluation_report"
    if not (report / "metrics.json").is_file():
        raise not_yet(root, f"no results yet: {report / 'metrics.json'} is not there")
    console = Console()
    metrics = read_json(report / "metrics.json")
    console.print(_table(metrics["systems"], metrics["protocol"]["k"]))
    named = metrics.get("candidate")
    places = ({"candidate": named["name"]} if named else {}) | _places(root)
    for place, where in places.items():
        console.print(f"{place:>9}  {where}", soft_wrap=True, highlight=False)


def show_paper(root: Path) -> None:
    """Print the comparison of van den Oord et al. 2013, and where its page is."""
    from rich.console import Console

    report = root / "data" / "oord_2013" / "cross_validation"
    metrics, console = read_json(report / "metrics.json"), Console()
    console.print(_table(metrics["systems"], metrics["k"]))
    place = os.path.relpath(report / "report.html", root)
    console.print(f"  report  {place}", soft_wrap=True, highlight=False)


def _table(systems: dict[str, Any], k: int) -> Any:
    from rich.table import Table

    table = Table(caption="95 % intervals over artists", caption_justify="left")
    for heading in ("system", f"mAP@{k}", "AUC"):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for name, system in systems.items():
        table.add_row(name, *(_cell(system, metric) for metric in (f"map_at_{k}", "auc")))
    return table


def _cell(system: dict[str, Any], metric: str) -> str:
    low, high = system[f"{metric}_ci95_artists"]
    n = system.get("n_artists")
    nothing = "no interval" if n is None else too_few_artists(n)
    interval = nothing if low is None else f"{low:.3f} to {high:.3f}"
    return f"{system[metric]:.3f} ({interval})"


def _places(root: Path) -> dict[str, str]:
    pointer = read_pointer(root)
    released = pointer.release if isinstance(pointer, Manifest) else nothing_released(root, pointer)
    index = root / "data" / "pages" / "index.html"
    drawn = os.path.relpath(index, root) if index.is_file() else "`dvc repro pages` draws them"
    places = {"released": released, "pages": drawn}
    run = root / ".earshot" / "wandb" / "latest.json"
    if run.is_file():
        latest = read_json(run)
        places["W&B run"] = latest["url"] or os.path.relpath(latest["folder"], root)
    return places | {"UI": "`make ui`, then http://127.0.0.1:3000"}
