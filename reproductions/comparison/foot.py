"""The foot of a paper's report: which stage made it, and of what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from earshot.pages.render import MISSING, render
from earshot.versioning import read_lock, split_target


def draw_sources(root: Path, target: str, outputs: Sequence[str] = ()) -> Markup:
    """The command that makes the report, and the md5s of what it was made of.

    When and at which commit may not stand in an output; data/papers.html says it.

    Parameters
    ----------
    root
        The workspace.
    target
        The stage, as DVC addresses it.
    outputs
        What the stage reads of other stages, as its deps name it; a dash where dvc.lock does not.
    """
    locks = [read_lock(root, folder) for folder in ("", split_target(target)[0])]
    md5s = {out["path"]: out["md5"] for lock in locks for stage in lock.values() for out in stage["outs"]}
    made = {"Made by": f"dvc repro {target}"} if outputs else {"Made by": f"dvc repro {target}, of made data"}
    return render("lines.html", lines=made | {output: md5s.get(output, MISSING) for output in outputs})
