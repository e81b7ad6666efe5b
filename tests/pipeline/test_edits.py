"""Edits of code: what they re-make, what they leave alone, and that both front ends see them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from tests.pipeline.workspace import Workspace

PIECES = {
    "raw_audio/parts/*": "audio/probing.py",
    "play_counts/parts/*/plays.parquet": "catalogue/play_rows.py",
    "play_counts/counted.key": "catalogue/play_rows.py",
    "served_factors/predicted/*.npy": "encoders/convolutional.py",
    "served_factors/solved.key": "spaces/wmf.py",
    "drift/reference.key": "extraction/statistics.py",
    "drift/deliveries/*": "evaluation/drift.py",
    "recommendations/ranked/listeners.key": "recommend/ranking.py",
}
"""What is used again, and a module that makes it. (Shards go by FEATURE_VERSION: tests/features.)"""
STAGES = sorted({piece.split("/")[0] for piece in PIECES})


def edit(workspace: Workspace, modules: Iterable[str], line: str) -> None:
    for module in set(modules):
        with (workspace.root / "src" / "earshot" / module).open("a") as file:
            file.write(line)


def pieces(workspace: Workspace) -> dict[str, set[tuple[str, str]]]:
    """Name and content of what is used again."""
    data = workspace.root / "data"
    return {
        piece: {(str(path.relative_to(data)), path.read_bytes().hex()[:40]) for path in data.glob(piece)}
        for piece in PIECES
    }


ALTERNATIVES = ("encoders", "training/objectives", "baselines", "families")


@pytest.mark.soak
def test_an_edit_of_words_makes_nothing_again(workspace: Workspace) -> None:
    """Nor does another alternative beside those in use."""
    for folder in ALTERNATIVES:
        (workspace.root / "src" / "earshot" / folder / "another.py").write_text("ANOTHER = 1\n")
    assert workspace.stale_in_dvc() == set()
    before = workspace.versions()
    edit(workspace, PIECES.values(), '\n# a comment\n"""And a docstring."""\n')
    assert workspace.stale_in_dvc() >= {*STAGES, "cnn_checkpoint"}
    assert workspace.stale_in_dvc() >= workspace.stale_in_dagster() >= {*STAGES, "cnn_checkpoint"}
    said = workspace.run("dvc", "repro", "--single-item", *STAGES, "cnn_checkpoint")
    assert said.count("only comments and docstrings changed") == len(STAGES) + 1
    assert workspace.versions() == before


@pytest.mark.soak
def test_an_edit_of_code_makes_all_again_that_it_may_change(workspace: Workspace) -> None:
    """A line that does nothing, for nobody can know that; then counts that are doubled."""
    before = pieces(workspace)
    edit(workspace, PIECES.values(), "\n_EDITED = 1\n")
    workspace.run("dvc", "repro", "--single-item", *STAGES)
    after = pieces(workspace)
    for piece in PIECES:
        assert before[piece], piece
        if piece != "served_factors/predicted/*.npy":  # where those of other encoders are kept
            assert not before[piece] & after[piece], piece
    predicted = "served_factors/predicted/*.npy"
    assert len(after[predicted]) == 2 * len(before[predicted])
    plays = counts(workspace)
    double(workspace.root / "src" / "earshot" / "catalogue" / "play_rows.py")
    workspace.run("dvc", "repro", "--single-item", "play_counts")
    assert (counts(workspace) == 2 * plays).all()


@pytest.mark.soak
def test_an_edit_of_looks_draws_the_pages_again_and_measures_nothing(workspace: Workspace) -> None:
    pages = workspace.root / "src" / "earshot" / "pages"
    for looks, line in {
        "static/page.css": "h1 { color: teal; }",
        "templates/base.html": "{# new looks #}",
    }.items():
        with (pages / looks).open("a") as file:
            file.write(f"{line}\n")
        assert workspace.stale_in_dvc() == {"pages"}
        said = workspace.run("dvc", "repro")
        assert re.findall("Running stage '(.*)'", said) == ["pages"]
    assert "teal" in (workspace.root / "data" / "pages" / "warm_up.html").read_text()
    assert workspace.stale_in_dvc() == set()


def counts(workspace: Workspace) -> pd.Series[int]:
    plays = pd.read_parquet(workspace.root / "data" / "play_counts" / "plays.parquet")
    return plays["play_count"]


def double(path: Path) -> None:
    wanted = "    parsed[NUMBER] *= 2\n    return parsed"
    text, edited = re.subn(r"(?m)^    return parsed$", wanted, path.read_text())
    assert edited == 1
    path.write_text(text)
