"""`kill -9` at seeded moments: nothing of the killed lives on, and the next run ends in the same bytes."""

import json
import random
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest
from dvc.utils.serialize import dumps_yaml

from earshot.deliveries.arrivals import read_arrivals
from earshot.files import parse_yaml
from earshot.processes import is_alive
from tests.pipeline.test_arrival import drop, recommended
from tests.pipeline.workspace import Workspace

SELECT = "group:ingest or group:catalogue or group:training or group:serving"
MATERIALIZE = ("dagster", "asset", "materialize", "--select", SELECT, "-m", "orchestration.definitions")
COMMANDS = {
    # -o: the tests' own environment serves, make installs none
    "make run": ("make", "-o", ".venv/installed", "run"),
    "step": MATERIALIZE,
    "stage": ("dvc", "repro"),
    "onboard": ("python", "-m", "orchestration.run", "onboard"),
    "retrain": ("python", "-m", "earshot", "retrain"),
}
KINDS = ("make run", "step", "stage")
STAGES = (
    "raw_audio",
    "play_counts",
    "hyper_images",
    "training_set",
    "wmf_search",
    "wmf_factors",
    "cnn_checkpoint",
    "predicted_factors",
    "warm_up",
    "served_quality",
    "evaluation_report",
    "release",
    "served_factors",
    "recommendations",
    "drift",
    "pages",
)


def kill_during(workspace: Workspace, kind: str, stage: str, seconds: float) -> None:
    """Start the pipeline, kill the `kind` of process when `stage` has run for `seconds` (or ends)."""
    started = workspace.start(*COMMANDS[kind])
    running = workspace.stage_process(stage, started)
    family = psutil.Process(started.pid).children(recursive=True)
    target = victim(kind, started.pid, running)
    wait(seconds, running)
    with suppress(psutil.NoSuchProcess):  # it may have ended in this moment
        target.kill()
    started.wait()
    deadline = time.monotonic() + 10
    while any(map(is_alive, family)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [process for process in family if is_alive(process)] == []
    assert_whole(workspace)


def assert_whole(workspace: Workspace) -> None:
    """Whatever was killed, the pointer to what is served can be read."""
    pointer = workspace.root / "releases" / "current.json"
    assert not pointer.is_file() or "release" in json.loads(pointer.read_text())


def wait(seconds: float, running: psutil.Process) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and is_alive(running):
        time.sleep(0.01)


def undo(workspace: Workspace, stage: str) -> None:
    """Have DVC run `stage` again if it is done already: lanes overtake each other."""
    lock = workspace.root / "dvc.lock"
    content = parse_yaml(lock.read_text()) if lock.is_file() else {"stages": {}}
    if content["stages"].pop(stage, None):
        lock.write_text(dumps_yaml(content))
        shutil.rmtree(workspace.root / ".dvc" / "cache" / "runs", ignore_errors=True)
        (workspace.root / ".earshot" / "dvc.lock").unlink()


def victim(kind: str, started: int, stage: psutil.Process) -> psutil.Process:
    if kind in ("make run", "onboard", "retrain"):
        return psutil.Process(started)
    if kind == "stage":
        return stage
    # the process of the Dagster step; a shell may stand between
    return next(process for process in stage.parents() if process.name() not in ("sh", "bash", "dash"))


def finish(workspace: Workspace) -> None:
    workspace.run(*COMMANDS["make run"])
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()


@pytest.mark.soak
def test_a_kill_and_the_same_bytes_in_the_other_front_end(
    ingested: Workspace, finished: Workspace, tmp_path: Path
) -> None:
    """`finished` ran undisturbed through Dagster; here all runs through `dvc repro`."""
    workspace = ingested.copy(tmp_path / "workspace")
    kill_during(workspace, "stage", "hyper_images", random.Random(20131205).uniform(0.2, 1.5))
    workspace.run("dvc", "repro")
    assert workspace.versions() == finished.versions()
    assert "recommendations" in workspace.run("python", "-m", "orchestration.sync")
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()
    assert "nothing, it knew all" in workspace.run("python", "-m", "orchestration.sync")


@pytest.mark.soak  # with one kill above
def test_three_kills_more_and_the_same_bytes(
    ingested: Workspace, finished: Workspace, tmp_path: Path
) -> None:
    """Of a step of Dagster, of a training and of `make run`; most stages run through `dvc repro`."""
    workspace = ingested.copy(tmp_path / "workspace")
    chance = random.Random(20131206)
    kill_during(workspace, "step", "training_set", chance.uniform(0.2, 1.5))
    kill_during(workspace, "stage", "cnn_checkpoint", chance.uniform(0.2, 4.0))
    workspace.run("dvc", "repro", "predicted_factors")
    kill_during(workspace, "make run", "release", chance.uniform(0.2, 3.0))
    workspace.run("dvc", "repro")
    assert workspace.versions() == finished.versions()
    workspace.run("python", "-m", "orchestration.sync")
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == set()


@pytest.mark.soak
def test_a_kill_between_a_delivery_and_its_recommendation(workspace: Workspace, deliveries: Path) -> None:
    """Of Dagster's `onboard`; `earshot onboard` finishes it, with a bad delivery beside."""
    before = workspace.versions()
    shards = shard_names(workspace)
    drop(deliveries / "new-songs", workspace, "new-songs")
    kill_during(workspace, "onboard", "served_factors", random.Random(20261121).uniform(0.0, 2.0))
    (workspace.root / "data" / "inbox" / "bad").mkdir()
    (workspace.root / "data" / "inbox" / "bad" / "_SUCCESS").touch()
    said = workspace.earshot("onboard", succeeds=False)
    assert "error: data/rejected/bad: " in said
    assert "neither songs nor plays" in said
    assert taken_in(workspace) == ["catalogue", "new-songs"]
    assert workspace.stale_in_dvc() == {"training_set"}
    after = workspace.versions()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"raw_audio", "hyper_images", "served_factors", "recommendations", "drift", "pages"}
    assert len(shard_names(workspace) - shards) == 1
    new_songs = pd.read_csv(deliveries / "new-songs" / "songs.csv", dtype=str)["song_id"]
    served = pd.read_parquet(workspace.root / "data" / "served_factors" / "items.parquet")["song_id"]
    assert set(new_songs) <= set(served)
    assert set(new_songs) & recommended(workspace)  # where so small a model puts each is not asked here
    assert read_arrivals(workspace.root)[-1].delivery == "new-songs"
    assert "new-songs" in (workspace.root / "data" / "arrivals.html").read_text()
    assert "recommendations: up to date" in workspace.earshot("onboard")


@pytest.mark.soak  # with one kill above
def test_two_kills_between_a_delivery_and_its_recommendation(
    workspace: Workspace, deliveries: Path, tmp_path: Path
) -> None:
    """One is killed and finished through Dagster; the other, undisturbed, through `earshot onboard`."""
    untouched = workspace.copy(tmp_path / "untouched")
    chance = random.Random(20261121)
    for each in (workspace, untouched):
        drop(deliveries / "new-songs", each, "new-songs")
    kill_during(workspace, "onboard", "raw_audio", chance.uniform(0.0, 1.0))
    kill_during(workspace, "onboard", "served_factors", chance.uniform(0.0, 2.0))
    workspace.job("onboard")
    (untouched.root / "data" / "inbox" / "new-songs" / "_SUCCESS").touch()
    untouched.earshot("onboard")
    assert workspace.versions() == untouched.versions()
    assert taken_in(workspace) == taken_in(untouched) == ["catalogue", "new-songs"]
    untouched.run("python", "-m", "orchestration.sync")
    assert workspace.stale_in_dagster() == untouched.stale_in_dagster() == {"training_set"}
    assert untouched.stale_in_dvc() == {"training_set"}
    assert shard_names(workspace) == shard_names(untouched)
    assert recommended(workspace) == recommended(untouched)


def shard_names(workspace: Workspace) -> set[str]:
    return {path.stem for path in (workspace.root / "data" / "hyper_images" / "shards").iterdir()}


def taken_in(workspace: Workspace) -> list[str]:
    index = (workspace.root / "data" / "deliveries" / "index.csv").read_text()
    return [line.split(",")[0] for line in index.splitlines()[1:]]


def test_cut_dvc_files_are_mended_by_the_next_run(workspace: Workspace, finished: Workspace) -> None:
    lock, rwlock = (workspace.root / name for name in ("dvc.lock", ".dvc/tmp/rwlock"))
    lock.write_bytes(lock.read_bytes()[:700])
    rwlock.write_bytes(b"")
    finish(workspace)
    assert workspace.versions() == finished.versions()


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_stage_survives_every_kill(
    ingested: Workspace, finished: Workspace, tmp_path: Path, kind: str
) -> None:
    workspace = ingested.copy(tmp_path / "workspace")
    for stage in STAGES:
        undo(workspace, stage)
        kill_during(workspace, kind, stage, random.Random(f"{kind} {stage}").uniform(0.0, 2.0))
    finish(workspace)
    assert workspace.versions() == finished.versions()
