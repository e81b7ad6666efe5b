"""One definition, two front ends: what one does, the other knows."""

import json
import shutil
from pathlib import Path

import pytest

from tests.pipeline.test_kills import kill_during
from tests.pipeline.workspace import Workspace

TRAIN = {"cnn_checkpoint", "fold_models", "release"}
"""The stages that train: release, what it serves, once more, where it is asked to."""
TRAINED = {"cnn_checkpoint", "predicted_factors", "warm_up", "served_quality", "evaluation_report"}


def test_after_a_dagster_run_both_front_ends_are_up_to_date(finished: Workspace) -> None:
    assert finished.stale_in_dvc() == set()
    assert "Running" not in finished.run("dvc", "repro")
    assert finished.stale_in_dagster() == set()
    half = finished.root / "data" / "inbox" / "half"
    half.mkdir()
    said = finished.job("everything")
    half.rmdir()
    assert "nothing to run; 1 still being written in data/inbox/ (half)" in said


def test_pages_know_what_their_numbers_come_from(finished: Workspace) -> None:
    md5, data = finished.versions()["evaluation_report"], finished.root / "data"
    assert f'data-md5="{md5}"' in (data / "pages" / "evaluation.html").read_text()
    text = (data / "provenance.js").read_text()
    told = json.loads(text.removeprefix("const provenance = ").removesuffix(";\n"))
    facts = told["data/evaluation_report"][md5]
    head = finished.run("git", "rev-parse", "--short", "HEAD").strip()
    assert facts["commit"] == head
    assert facts["release"].endswith((", released", ", refused"))
    assert "cnn_checkpoint.max_epochs=6" in facts["params"]
    latest = json.loads((finished.root / ".earshot" / "wandb" / "latest.json").read_text())
    assert facts["run"] == latest["run_id"]
    assert "release" in told["data/drift"][finished.versions()["drift"]]


def test_one_cnn_parameter_makes_the_trainings_stale(workspace: Workspace) -> None:
    """That of the model, those of the other folds, and that of a refit."""
    workspace.set_param("learning_rate", 0.003)
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == TRAIN


@pytest.mark.soak  # that they are stale stands above; test_kills.py has shorter kills
def test_a_killed_retrain_is_finished_by_dagster(workspace: Workspace) -> None:
    before = workspace.versions()
    workspace.set_param("learning_rate", 0.003)
    kill_during(workspace, "retrain", "cnn_checkpoint", 2.0)
    assert {"cnn_checkpoint"} <= workspace.stale_in_dagster() <= TRAIN
    workspace.job("everything")
    after = workspace.versions()
    changed = {name for name in after if after[name] != before[name]}
    assert changed >= TRAINED
    assert changed <= TRAINED | {"release", "served_factors", "recommendations", "drift", "pages"}
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()


@pytest.mark.soak
def test_git_and_dvc_checkout_are_reported(workspace: Workspace) -> None:
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "first")
    workspace.set_param("factors", 10)
    workspace.run("dvc", "repro", "wmf_factors")
    workspace.run("git", "checkout", "-q", "--", "params.yaml", "dvc.lock")
    workspace.run("dvc", "checkout")
    workspace.run("python", "-m", "orchestration.sync")
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()


@pytest.mark.soak  # tests/releases has a small one
def test_an_experiment_judges_but_releases_nothing(workspace: Workspace) -> None:
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "first")
    pointer = (workspace.root / "releases" / "current.json").read_bytes()
    output = workspace.run("dvc", "exp", "run", "-S", "cnn_checkpoint.max_epochs=1")
    assert "Ran experiment" in output
    assert (workspace.root / "releases" / "current.json").read_bytes() == pointer
    shown = workspace.run("dvc", "params", "diff")
    assert "max_epochs" in shown
    assert "auc" in workspace.run("dvc", "metrics", "show")


def test_the_same_delivery_again_changes_nothing(workspace: Workspace, deliveries: Path) -> None:
    before = (workspace.root / "data" / "deliveries" / "index.csv").read_bytes()
    assert "already" in workspace.earshot("ingest", str(deliveries / "catalogue"))
    waiting = workspace.root / "data" / "inbox" / "again"
    shutil.copytree(deliveries / "catalogue", waiting)
    (waiting / "_SUCCESS").touch()
    assert "catalogue: already there" in workspace.job("everything")
    assert not waiting.exists()
    assert (workspace.root / "data" / "deliveries" / "index.csv").read_bytes() == before


def test_a_pulled_clone_serves_the_released_model(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "first")
    workspace.run("dvc", "push")
    workspace.run("git", "clone", "-q", str(workspace.root), str(tmp_path / "clone"))
    pulled = Workspace(tmp_path / "clone")
    pulled.run("dvc", "pull")
    assert pulled.stale_in_dvc() == set()
    release = json.loads((pulled.root / "releases" / "current.json").read_bytes())["release"]
    assert "all as they were" in pulled.earshot("verify", release)
    pulled.run("dvc", "repro", "--single-item", "--force", "served_factors")
    assert pulled.versions() == workspace.versions()
    song = next((pulled.root / "data" / "deliveries" / "catalogue" / "audio").iterdir())
    flip_a_byte(song)
    assert song.name in pulled.earshot("verify", release, succeeds=False)


def flip_a_byte(path: Path) -> None:
    """In a file that may be read-only, a link into the cache or both."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)
