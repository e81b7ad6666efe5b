"""A delivery and an edit while a stage runs: the first waits, the second fails the stage by name."""

import time
from itertools import islice
from pathlib import Path

import pandas as pd
import psutil
import pytest

from earshot.deliveries.arrivals import read_arrivals
from tests.pipeline.test_arrival import drop, recommended
from tests.pipeline.test_browser import wait_until
from tests.pipeline.test_daemon_kills import write_deliveries
from tests.pipeline.test_kills import taken_in
from tests.pipeline.workspace import Workspace

RELEASE_METADATA = """
import dagster as dg
with dg.DagsterInstance.get() as instance:
    event = instance.get_latest_materialization_event(dg.AssetKey("release"))
    metadata = event.asset_materialization.metadata
    print(metadata["released"].value, metadata["reason"].value)
"""


def paused_stage(workspace: Workspace) -> tuple[psutil.Popen, psutil.Process]:
    """`dvc repro raw_audio`, its stage stopped after it has read its inputs."""
    repro = workspace.start("dvc", "repro", "--single-item", "raw_audio")
    stage = workspace.stage_process("raw_audio", repro)
    while not (workspace.root / ".earshot" / "work" / "raw_audio").is_dir():
        time.sleep(0.005)
    stage.suspend()
    return repro, stage


@pytest.mark.soak
def test_a_delivery_waits_for_the_stage_that_reads_the_index(
    ingested: Workspace, deliveries: Path, tmp_path: Path
) -> None:
    workspace = ingested.copy(tmp_path / "workspace")
    repro, stage = paused_stage(workspace)
    ingest = workspace.start("python", "-m", "earshot", "ingest", str(deliveries / "new-songs"))
    while "raw_audio" not in (workspace.root / "log.txt").read_text().split("PID")[-1]:
        assert ingest.poll() is None
        time.sleep(0.1)
    stage.resume()
    assert repro.wait() == 0
    assert ingest.wait() == 0
    assert "raw_audio" in workspace.stale_in_dvc()
    workspace.run("dvc", "repro", "--single-item", "raw_audio")
    assert "raw_audio" not in workspace.stale_in_dvc()
    songs = pd.read_parquet(workspace.root / "data" / "raw_audio" / "songs.parquet")
    assert new_song_ids(deliveries) < set(songs["song_id"])


def test_a_parameter_edited_meanwhile_fails_the_stage(ingested: Workspace, tmp_path: Path) -> None:
    workspace = ingested.copy(tmp_path / "workspace")
    repro, stage = paused_stage(workspace)
    workspace.set_param("min_seconds", 2.0)
    stage.resume()
    assert repro.wait() != 0
    assert "raw_audio changed while raw_audio ran" in (workspace.root / "log.txt").read_text()
    assert "raw_audio" in workspace.stale_in_dvc()
    workspace.run("dvc", "repro", "--single-item", "raw_audio")
    assert "raw_audio" not in workspace.stale_in_dvc()


def new_song_ids(deliveries: Path) -> set[str]:
    return set(pd.read_csv(deliveries / "new-songs" / "songs.csv", dtype=str)["song_id"])


@pytest.mark.soak
def test_a_delivery_is_taken_in_and_measured_while_a_training_runs(
    workspace: Workspace, deliveries: Path
) -> None:
    snapshot = workspace.versions()["training_set"]
    workspace.set_param("learning_rate", 0.003)
    untouched = workspace.copy(workspace.root.with_name("untouched"))
    training = workspace.start("python", "-m", "earshot", "retrain")
    stage = workspace.stage_process("cnn_checkpoint", training)
    stage.suspend()
    workspace.earshot("onboard", str(deliveries / "new-songs"))
    assert new_song_ids(deliveries) <= recommended(workspace)
    assert workspace.summary("drift")["new_deliveries"] == 1
    assert "a training is under way: cnn_checkpoint, PID" in workspace.earshot("retrain", "--if-due")
    stage.resume()
    assert training.wait() == 0
    assert workspace.stale_in_dvc() == {"training_set"}
    assert "0 new songs (limit 100)" in workspace.earshot("retrain", "--if-due")
    untouched.run("dvc", "repro", "evaluation_report", "warm_up")
    trained = ("training_set", "wmf_search", "wmf_factors", "cnn_checkpoint", "predicted_factors", "warm_up")
    assert workspace.versions()["training_set"] == snapshot
    assert [workspace.versions()[name] for name in trained] == [
        untouched.versions()[name] for name in trained
    ]


@pytest.mark.soak
def test_two_deliveries_at_once_for_two_that_take_in(
    workspace: Workspace, deliveries: Path, tmp_path: Path
) -> None:
    users = pd.read_parquet(workspace.root / "data" / "play_counts" / "users.parquet")
    parts = write_deliveries(deliveries / "new-songs", users["user_id"].tolist(), tmp_path)
    names = []
    for part in islice(parts, 2):
        drop(part, workspace, part.name)
        names.append(part.name)
    job = workspace.start("python", "-m", "orchestration.run", "onboard")
    shell = workspace.start("python", "-m", "earshot", "onboard")
    assert (job.wait(), shell.wait()) == (0, 0), (workspace.root / "log.txt").read_text()
    assert sorted(taken_in(workspace)) == ["catalogue", *names]
    assert sorted(arrival.delivery for arrival in read_arrivals(workspace.root)) == ["catalogue", *names]
    assert list((workspace.root / "data" / "inbox").iterdir()) == []
    assert not (workspace.root / "data" / "rejected").exists()
    delivered = [pd.read_csv(tmp_path / name / "songs.csv", dtype=str)["song_id"] for name in names]
    assert set(pd.concat(delivered)) <= recommended(workspace)
    workspace.run("python", "-m", "orchestration.sync")
    assert workspace.stale_in_dvc() == workspace.stale_in_dagster() == {"training_set"}


@pytest.mark.soak
def test_a_job_waits_for_a_dvc_repro_and_says_for_whom(workspace: Workspace) -> None:
    workspace.set_param("min_seconds", 2.0)
    repro = workspace.start("dvc", "repro", "--single-item", "raw_audio")
    stage = workspace.stage_process("raw_audio", repro)
    stage.suspend()
    job = workspace.start("python", "-m", "orchestration.run", "onboard")
    log = workspace.root / "log.txt"
    wait_until(lambda: "raw_audio waits: " in log.read_text(), 60)
    assert f"PID {repro.pid}" in log.read_text().split("raw_audio waits: ")[1]
    stage.resume()
    assert (repro.wait(), job.wait()) == (0, 0), log.read_text()
    assert workspace.stale_in_dvc() & {"raw_audio", "hyper_images", "recommendations"} == set()


@pytest.mark.soak
def test_a_dvc_repro_beside_a_job_is_refused_and_names_it(workspace: Workspace) -> None:
    workspace.set_param("min_seconds", 2.0)
    job = workspace.start("python", "-m", "orchestration.run", "onboard")
    stage = workspace.stage_process("raw_audio", job)
    stage.suspend()
    said = workspace.run("dvc", "repro", "raw_audio", succeeds=False)
    assert f"(PID {job.pid})" in said
    stage.resume()
    assert job.wait() == 0, (workspace.root / "log.txt").read_text()
    assert "didn't change" in workspace.run("dvc", "repro", "raw_audio")


@pytest.mark.soak
def test_a_refused_candidate_is_told_and_serving_stays(workspace: Workspace) -> None:
    served = workspace.versions()["served_factors"]
    pointer = (workspace.root / "releases" / "current.json").read_bytes()
    workspace.set_param("learning_rate", 0.000001)
    said = workspace.earshot("retrain")
    assert "refused, what was served stays: " in said
    assert (workspace.root / "releases" / "current.json").read_bytes() == pointer
    assert workspace.versions()["served_factors"] == served
    workspace.run("python", "-m", "orchestration.sync")
    shown = workspace.run("python", "-c", RELEASE_METADATA)
    assert "False" in shown
    assert said.split("stays: ")[1].strip() in shown
