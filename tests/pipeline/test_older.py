"""A workspace that an earlier commit finished goes on with today's code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.older import BEFORE, brought_up_to_date, finished_at, released
from tests.pipeline.workspace import PROJECT


@pytest.mark.soak
def test_a_workspace_of_before_goes_on(tmp_path: Path) -> None:
    """Its release is served before and after `dvc repro`, keeps its name, and nothing is deleted by hand."""
    known = subprocess.run(["git", "cat-file", "-e", f"{BEFORE}^{{commit}}"], cwd=PROJECT, check=False)
    if known.returncode:
        pytest.skip(f"commit {BEFORE} is not in the history of this clone")
    workspace = finished_at(BEFORE, tmp_path)
    release = released(workspace)
    song = sorted((workspace.root / "data" / "deliveries" / "catalogue" / "audio").iterdir())[0].stem
    before = workspace.earshot("similar", song)
    brought_up_to_date(workspace)
    assert workspace.earshot("similar", song) == before
    workspace.run("dvc", "repro", "--single-item", "served_factors")
    summary = workspace.summary("served_factors")
    assert summary["release"] == release
    assert workspace.earshot("similar", song) == before
    workspace.run("dvc", "repro")
    workspace.run("python", "-m", "orchestration.sync")
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()
    assert str(release) in workspace.earshot("release", "list")
    current = json.loads((workspace.root / "releases" / "current.json").read_text())
    assert release in (current["release"], current["previous"])
    assert "all as they were" in workspace.earshot("verify", str(release))
