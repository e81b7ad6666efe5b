"""The result table on the terminal, what was released, and where to look further."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from earshot.artists import too_few_artists
from earshot.checks import CANDIDATE
from earshot.files import read_json
from earshot.releases import Manifest, nothing_released, read_pointer
from earshot.terminal import tell_json
from earshot.workspace import not_yet


def show_results(root: Path, as_json: bool = False) -> None:
    """Print the systems with mAP and AUC, what is released, the places to look, and a new song.

    Raises
    ------
    UserError
        There is no evaluation report yet.
    """
    from rich.console import Console

    from earshot.cli.new_songs import show_new_songs

    report = root / "data" / "evaluation_report"
    if not (report / "metrics.json").is_file():
        raise not_yet(root, f"no results yet: {report / 'metrics.json'} is not there")
    metrics = read_json(report / "metrics.json")
    if as_json:
        named = metrics.get("candidate")
        tell_json(
            {**metrics, **({"candidate": named["name"]} if named else {}), **_lists(root), **_places(root)}
        )
        return
    console = Console()
    kinds = read_json(report / "known_and_cold_artists.json")
    console.print(_table(metrics["systems"], metrics["protocol"]["k"], kinds))
    named = metrics.get("candidate")
    places = ({"candidate": named["name"]} if named else {}) | _lists(root) | _places(root)
    for place, where in places.items():
        console.print(f"{place:>9}  {where}", soft_wrap=True, highlight=False)
    show_new_songs(root)


def show_advice(root: Path, as_json: bool = False) -> None:
    """Try what is known of songs beside their sound, print what is worth it, and put it into the report.

    Errors as of `earshot.lanes.advise.advise`.
    """
    from rich.console import Console

    from earshot.lanes.advise import advise, write_advice

    found, console = advise(root), Console()
    write_advice(root, found)
    if as_json:
        tell_json(found)
        return
    for lines, held_out in ((found["blocks"], "artists"), (found["artist"], "songs")):
        if lines:
            console.print(_advice(lines, found["k"], held_out))
    for sentence in found["advice"]:
        console.print(sentence, soft_wrap=True, highlight=False)


def _advice(lines: list[dict[str, Any]], k: int, held_out: str) -> Any:
    from rich.table import Table

    caption = f"ridge regression, {held_out} held out; in brackets more than sound alone, 95 % over artists"
    table = Table(caption=caption, caption_justify="left")
    for heading in ("blocks", "AUC", "AUC, centred", f"mAP@{k}"):
        table.add_column(heading, justify="left" if heading == "blocks" else "right")
    for line in lines:
        cells = [_gain(line, metric) for metric in ("auc", "auc_centred", f"map_at_{k}")]
        table.add_row(" + ".join(line["blocks"]), *cells)
    return table


def _gain(line: dict[str, Any], metric: str) -> str:
    gain, value = line.get("minus_sound"), f"{line[metric]:.3f}"
    low, high = gain[f"{metric}_ci95_artists"] if gain else (None, None)
    return value if low is None else f"{value} ({low:+.3f} to {high:+.3f})"


def _table(systems: dict[str, Any], k: int, kinds: dict[str, Any]) -> Any:
    """`kinds`: those of known and of cold artists apart, as in known_and_cold_artists.json."""
    from rich.table import Table

    there = {kind: found for kind, found in kinds.items() if found is not None}
    apart = there if len(there) > 1 else {}
    caption = (
        f"* the model. mAP@{k}: how near to the top of the held-out songs those stand that a listener plays; "
        "1 is best. AUC: how often such a song stands before another; .5 is random order.\n"
        "95 % intervals over artists; of shuffled_content the least and the most of its permutations"
    )
    sizes = [f"{found['candidates']:,} songs of {kind.replace('_', ' ')}" for kind, found in apart.items()]
    if sizes:
        caption += f"; known, cold: AUC among the {' and the '.join(sizes)}"
    table = Table(caption=caption, caption_justify="left")
    for heading in ("system", f"mAP@{k}", "AUC", *(kind.partition("_")[0] for kind in apart)):
        table.add_column(heading, justify="left" if heading == "system" else "right")
    for name, system in systems.items():
        cells = [_cell(system, metric) for metric in (f"map_at_{k}", "auc")]
        known_and_cold = (_auc(found["systems"].get(name)) for found in apart.values())
        model = name == CANDIDATE
        table.add_row(
            f"{name} *" if model else name, *cells, *known_and_cold, style="bold" if model else None
        )
    return table


def _auc(system: dict[str, Any] | None) -> str:
    return "" if system is None or system["auc"] is None else f"{system['auc']:.3f}"


def _cell(system: dict[str, Any], metric: str) -> str:
    low, high = system.get(f"{metric}_permutations") or system[f"{metric}_ci95_artists"]
    n = system.get("n_artists")
    nothing = "no interval" if n is None else too_few_artists(n)
    interval = nothing if low is None else f"{low:.3f}–{high:.3f}"
    return f"{system[metric]:.3f} ({interval})"


def _lists(root: Path) -> dict[str, str]:
    """How good the list is that listeners get, where that was measured."""
    file = root / "data" / "served_quality" / "served_quality.json"
    found = read_json(file) if file.is_file() else {}
    if "found" not in found:
        return {}
    recall = {kind: values["recall_at_20"] for kind, values in found["found"].items()}
    written = {kind: "none" if value is None else f"{value:.3f}" for kind, value in recall.items()}
    share = found["makeup"]["10"]["new_songs"]
    return {
        "lists": f"recall@20 {written['all']} (known {written['known']}, new {written['new']}); "
        f"new songs are {100 * share:.1f} % of the first 10"
    }


def _places(root: Path) -> dict[str, str]:
    pointer = read_pointer(root)
    released = _named(pointer) if isinstance(pointer, Manifest) else nothing_released(root, pointer)
    index = root / "data" / "pages" / "index.html"
    drawn = os.path.relpath(index, root) if index.is_file() else "`dvc repro pages` draws them"
    places = {"released": released, "pages": drawn}
    run = root / ".earshot" / "wandb" / "latest.json"
    if run.is_file():
        latest = read_json(run)
        places["W&B run"] = latest["url"] or os.path.relpath(latest["folder"], root)
    return places | {"UI": "`make ui`, then http://127.0.0.1:3000"}


def _named(release: Manifest) -> str:
    return release.release + (", served by its refit on all songs" if release.refit else "")
