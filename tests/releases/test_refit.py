"""A released model trained once more on all songs: served, compared with nothing, carried everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import torch

from earshot import releases
from earshot.files import link
from earshot.predictors.load import load_encoder, predict
from earshot.queries import answers
from earshot.queries.explain import explain, windows
from earshot.queries.served import read_served
from earshot.recommend.encoding import read_encoded
from earshot.releases.candidate import MODEL, NUMBERS, model_name
from earshot.store.reader import HyperImageStore
from earshot.versioning import PreviousOutput, cache_folder, cache_path, read_lock
from tests.releases.conftest import copy
from tests.releases.tiny_workspace import PROJECT, TOY, Repository, World, write_model, write_repository

SHARE = 0.7
"""Of the warm songs, for early stopping: by fewer artists than 20 a refit cannot be checked."""
REFIT_FILES = {f"refit/{name}" for name in (*MODEL, NUMBERS)}

KILLED = """
import os, signal, sys
from pathlib import Path
from earshot.stages.runner import run_stage

left = int(sys.argv[1])

def watch(event, arguments):
    global left
    if event == "os.rename" and str(arguments[1]).endswith("resume.ckpt"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(watch)
run_stage(Path.cwd(), "release")
"""
"""Killed while it writes a checkpoint, after so many of these."""


def on(repository: Repository, min_steps: int = 150) -> Repository:
    """With `release.refit`, and a training of some seconds."""
    changed = {
        "refit: false": "refit: true",
        "validation_share: 0.1": f"validation_share: {SHARE}",
        "window_seconds: 3.0": "window_seconds: 0.1",
        "min_steps: 688": f"min_steps: {min_steps}",
        "learning_rate: 0.002": "learning_rate: 0.05",
        "ema_decay: 0.99": "ema_decay: 0.5",
        "augment: {share: 0.25, gain_db: 12, eq_db: 6, low_pass_hz: 3000}": "augment: null",
        "max_epochs: 16": "max_epochs: 1",
    }
    for old, new in changed.items():
        repository.set_param(old, new)
    return repository


def begun(folder: Path) -> Repository:
    """A repository in which nothing has run; its model is not that of the other fixtures."""
    repository = write_repository(folder / "workspace", SHARE)
    write_model(repository.root / "made", seed=5)
    # the toy model has learned from the songs for early stopping, which a refit has not
    repository.set_param("epsilon: 0.025", "epsilon: 0.1")
    return repository


@pytest.fixture(scope="module")
def off(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The first model released and served, without a refit. Copy before changing it."""
    repository = begun(tmp_path_factory.mktemp("off"))
    repository.repro()
    repository.commit()
    return repository


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The first model released, and served by its refit. Copy before changing it."""
    repository = on(begun(tmp_path_factory.mktemp("on")))
    repository.repro()
    repository.commit()
    return repository


def output(repository: Repository, stage: str) -> str:
    md5: str = read_lock(repository.root)[stage]["outs"][0]["md5"]
    return md5


def refit_folder(repository: Repository, folder: Path) -> Path:
    """The files of the refit that `repository` has released, as `<stage>/<file>` below `folder`."""
    release = releases.read_pointer(repository.root)
    assert isinstance(release, releases.Manifest)
    for name, md5 in release.refit.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        link(cache_path(cache_folder(repository.root), md5), folder / name)
    return folder


def served_files(repository: Repository) -> dict[str, str]:
    """md5s of the vectors that are served, and of the links to the model that made them."""
    made = PreviousOutput(cache_folder(repository.root), output(repository, "served_factors")).files
    names = [name for name in made if name.endswith("factors.npy") or name.startswith("release/")]
    return {name: made[name] for name in names}


def test_the_refit_is_served_and_the_judged_model_stays_what_it_was(
    off: Repository, refitted: Repository, tmp_path: Path
) -> None:
    plain, released = off.pointer(), refitted.pointer()
    assert not any(name.startswith("refit/") for name in plain["files"])
    assert "refit" not in off.decisions()[plain["release"]]
    assert set(released["files"]) == set(plain["files"]) | REFIT_FILES
    assert plain["files"].items() <= released["files"].items(), "the judged model is the same, to the byte"
    assert released["release"] == plain["release"] == model_name(released["files"], released["n0"])
    decision = refitted.decisions()[released["release"]]
    assert {key: decision[key] for key in decision if key != "refit"} == off.decisions()[plain["release"]]
    assert decision["refit"]["served"]
    assert decision["refit"]["told"].startswith("the refit is not ")
    assert releases.refit_check(decision)["passed"]
    assert releases.refit_check(off.decisions()[plain["release"]])["observed"].startswith("off")

    refit, world = refit_folder(refitted, tmp_path), World()
    factorized = pd.read_parquet(refit / "wmf_factors" / "items.parquet")["song_id"]
    assert set(factorized) == set(world.song_ids[world.played.any(axis=0)]), "cold songs too"
    assert set(factorized) > set(world.song_ids[world.cold & world.played.any(axis=0)])
    asked = ~world.cold & refitted.read("training_set/songs.parquet")["validation"].to_numpy()
    assert decision["refit"]["songs"] == asked.sum()

    served = refitted.root / "data" / "served_factors"
    assert json.loads((served / "summary.json").read_text())["refit"]
    store = HyperImageStore.open(refitted.root / "data" / "hyper_images")
    expected = predict(load_encoder(refit / "cnn_checkpoint", [TOY]), store, np.arange(len(store.songs)))
    np.testing.assert_array_equal(read_encoded(store, served / "predicted"), expected)
    unheard = np.flatnonzero(~world.played.any(axis=0))  # nobody moves them from where their sound is
    songs = pd.read_parquet(served / "items.parquet")["song_id"].to_numpy(dtype=object)
    factors = np.load(served / "item_factors.npy")
    rows = np.searchsorted(songs, world.song_ids[unheard])
    np.testing.assert_array_equal(factors[rows], expected[unheard])
    state = read_served(refitted.root)
    heard = state.encoder_files()
    assert set(heard) == {"encoder.json", "encoder.pt"}
    assert heard["encoder.pt"].read_bytes() == (refit / "cnn_checkpoint" / "encoder.pt").read_bytes()
    listed = answers.recommend(state, "u007", 1)[0]
    why = explain(state, "u007", listed["song_id"])  # by the numbers and the places of the refit
    assert sum(play["share"] for play in why.plays) == pytest.approx(listed["score"], abs=1e-5)
    assert windows(state, "u007", "s092")[0].score == pytest.approx(
        explain(state, "u007", "s092").score, abs=1e-5
    )
    assert "with a refit" in refitted.earshot("release", "list")
    assert "cold: held out, to judge by; the refit knows its plays" in refitted.earshot(
        "trace", released["release"], next(iter(world.song_ids[world.cold & world.played.any(axis=0)]))
    )


def test_every_later_pairing_uses_the_judged_model(
    off: Repository, refitted: Repository, tmp_path: Path
) -> None:
    """The second candidate is told the same numbers whether or not the release has a refit."""
    told = []
    for name, repository in (("off", off), ("on", refitted)):
        changed = copy(repository, tmp_path / name)
        write_model(changed.root / "made", seed=2)
        if name == "on":
            changed.set_param("refit: true", "refit: false")
        changed.repro("release")
        told.append(changed.decisions()[changed.pointer()["release"]])
    assert refitted.pointer()["release"] in told[1]["differences"]
    assert told[0] == told[1]


@pytest.mark.soak
def test_a_refit_that_is_clearly_worse_is_not_served(off: Repository, tmp_path: Path) -> None:
    """A few steps teach it nothing; so the model that was judged is served, as without a refit."""
    repository = on(copy(off, tmp_path), min_steps=0)
    write_model(repository.root / "made", seed=2)
    repository.repro()
    released = repository.pointer()
    decision = repository.decisions()[released["release"]]
    assert decision["released"]
    assert not decision["refit"]["served"]
    assert decision["refit"]["told"].startswith("the refit is clearly worse than the judged model")
    assert not any(name.startswith("refit/") for name in released["files"])
    check = releases.refit_check(decision)
    assert (check["passed"], check["observed"]) == (False, decision["refit"]["told"])


@pytest.mark.soak
def test_without_enough_artists_no_refit_is_made(repository: Repository) -> None:
    repository.set_param("refit: false", "refit: true")
    write_model(repository.root / "made", seed=2)
    repository.repro("release")
    released = repository.pointer()
    told = repository.decisions()[released["release"]]["refit"]["told"]
    assert told.startswith("no refit was made: songs of 5 artists serve early stopping, and with under 20")
    assert not any(name.startswith("refit/") for name in released["files"])


@pytest.mark.soak
def test_a_killed_refit_goes_on_to_the_same_bytes(refitted: Repository, tmp_path: Path) -> None:
    repository = on(begun(tmp_path))
    repository.repro("evaluation_report", "served_quality")
    paths = os.environ | {"PYTHONPATH": f"{PROJECT}/src:{PROJECT}"}  # the encoder is one of the tests'
    for checkpoints in (2, 3):
        command = [sys.executable, "-c", KILLED, str(checkpoints)]
        assert subprocess.run(command, cwd=repository.root, env=paths, check=False).returncode == -9
        assert not repository.decisions(), "nothing is decided before all is done"
    (kept,) = (repository.root / ".earshot" / "work" / "release").glob("*/kept/refit")
    assert (kept / "data" / "wmf_factors").is_dir()
    assert not (kept / "data" / "cnn_checkpoint").is_dir()
    unfinished = torch.load(kept / "kept" / "cnn_checkpoint" / "resume.ckpt", weights_only=True)
    assert unfinished["epoch"] == 4, "the second run went on from the second epoch: 2 + 3 of them"
    repository.repro()
    assert repository.pointer()["files"] == refitted.pointer()["files"]
    assert output(repository, "served_factors") == output(refitted, "served_factors")


@pytest.mark.soak
def test_a_rollback_and_an_import_serve_the_refit(
    refitted: Repository, repository: Repository, tmp_path: Path
) -> None:
    first = refitted.pointer()
    changed = copy(refitted, tmp_path / "changed")
    changed.set_param("refit: true", "refit: false")
    write_model(changed.root / "made", seed=2)
    changed.repro()
    assert not any(name.startswith("refit/") for name in changed.pointer()["files"])
    changed.earshot("gc", "--really")
    assert changed.earshot("verify", first["release"]).endswith("all as they were\n")
    changed.earshot("release", "rollback")
    changed.repro()
    assert changed.pointer() == first
    assert served_files(changed) == served_files(refitted)

    archive = tmp_path / "archive.zip"
    changed.earshot("release", "export", first["release"], str(archive))
    with ZipFile(archive) as read:
        assert {name for name in read.namelist() if "refit" in name} == {
            f"files/{name}" for name in REFIT_FILES
        }
    repository.earshot("release", "import", str(archive))
    repository.earshot("release", "promote", first["release"], "--force", "--reason", "heard it")
    repository.repro()
    assert repository.pointer()["files"] == first["files"]
    assert served_files(repository) == served_files(refitted)


@pytest.mark.soak
def test_an_experiment_trains_no_refit(refitted: Repository, tmp_path: Path) -> None:
    repository = copy(refitted, tmp_path)
    before, decisions = repository.pointer(), repository.decisions()
    write_model(repository.root / "made", seed=2)
    repository.commit()
    ran = repository.run("dvc", "exp", "run", "--temp")
    assert "Ran experiment" in ran
    assert "trained once more" not in ran
    assert (repository.pointer(), repository.decisions()) == (before, decisions)
