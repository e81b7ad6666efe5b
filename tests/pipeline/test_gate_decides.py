"""The gate on real trainings over the whole embedded catalogue: equally good ones pass, deaf ones do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pipeline.workspace import Workspace, clone

pytestmark = pytest.mark.soak

SEEDS = range(1, 11)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """`make run`, with the parameters that users have. Copy before changing it."""
    workspace = clone(tmp_path_factory.mktemp("released") / "workspace", {})
    workspace.run("make", "-o", ".venv/installed", "run")
    return workspace


def decision(workspace: Workspace, released: Workspace) -> dict[str, Any]:
    """The one that was not there before."""
    before = {path.name for path in (released.root / "releases" / "decisions").iterdir()}
    (new,) = (p for p in (workspace.root / "releases" / "decisions").iterdir() if p.name not in before)
    content: dict[str, Any] = json.loads(new.read_text())
    print(content["released"], content["reason"])  # noqa: T201
    return content


def test_another_seed_is_released_nine_times_of_ten(released: Workspace, tmp_path: Path) -> None:
    decisions = []
    for seed in SEEDS:
        workspace = released.copy(tmp_path / str(seed))
        workspace.set_param("seed", seed)
        workspace.run("dvc", "repro", "release")
        decisions.append(decision(workspace, released)["released"])
    assert sum(decisions) >= 9


def test_shuffled_factors_are_refused_ten_times_of_ten(released: Workspace, tmp_path: Path) -> None:
    """The songs are trained on each other's factors, and judged by their own plays."""
    for seed in SEEDS:
        workspace = released.copy(tmp_path / str(seed))
        factors = workspace.root / "data" / "wmf_factors" / "item_factors.npy"
        shuffled = np.random.default_rng(seed).permutation(np.load(factors))
        factors.unlink()  # it may be a link into the cache
        np.save(factors, shuffled)
        workspace.run("dvc", "repro", "--single-item", "cnn_checkpoint")
        workspace.run("dvc", "checkout", "--force", "wmf_factors")
        for stage in ("predicted_factors", "warm_up", "evaluation_report", "release"):
            workspace.run("dvc", "repro", "--single-item", stage)
        assert not decision(workspace, released)["released"]
