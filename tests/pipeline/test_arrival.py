"""A real `dagster dev`, and deliveries dropped into the inbox of a workspace with a released model."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from earshot.deliveries.arrivals import read_arrivals
from tests.pipeline.test_browser import end, ui, wait_until
from tests.pipeline.workspace import Workspace

__all__ = ["ui"]

# a minute of `dagster dev` each
pytestmark = pytest.mark.soak

RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
CHECKS = """{ assetNodes { assetKey { path } assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status } } } } } }"""


def asked(address: str, query: str) -> Any:
    request = urllib.request.Request(
        f"{address}/graphql", json.dumps({"query": query}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


def runs(address: str) -> list[str]:
    """Status of every run of `onboard`, the newest first."""
    found = asked(address, RUNS)["runsOrError"]["results"]
    return [run["status"] for run in found if run["jobName"] == "onboard"]


def drop(delivery: Path, workspace: Workspace, name: str) -> None:
    """Copied beside, then renamed into place."""
    inbox = workspace.root / "data" / "inbox"
    inbox.mkdir(exist_ok=True)
    shutil.copytree(delivery, inbox / f".{name}")
    (inbox / f".{name}").rename(inbox / name)


def recommended(workspace: Workspace) -> set[str]:
    table = workspace.root / "data" / "recommendations" / "recommendations.parquet"
    return set(pd.read_parquet(table)["song_id"]) if table.is_file() else set()


def alerts(workspace: Workspace) -> list[str]:
    log = workspace.root / ".earshot" / "alerts.log"
    return [json.loads(line)["kind"] for line in log.read_text().splitlines()] if log.is_file() else []


def test_a_dropped_delivery_is_recommended_within_a_minute(
    ui: str, workspace: Workspace, deliveries: Path
) -> None:
    released = (workspace.root / "releases" / "current.json").read_bytes()
    before = workspace.versions()
    new_songs = set(pd.read_csv(deliveries / "new-songs" / "songs.csv", dtype=str)["song_id"])
    drop(deliveries / "new-songs", workspace, "new-songs")
    wait_until(lambda: new_songs <= recommended(workspace), 300)
    wait_until(lambda: runs(ui) == ["SUCCESS"], 60)
    arrival = read_arrivals(workspace.root)[-1]
    assert arrival.delivery == "new-songs"
    assert arrival.seconds < 60
    assert (workspace.root / "data" / "arrivals.html").is_file()
    assert (workspace.root / "releases" / "current.json").read_bytes() == released
    assert workspace.versions()["cnn_checkpoint"] == before["cnn_checkpoint"]
    assert list((workspace.root / "data" / "inbox").iterdir()) == []


def test_a_rejection_shows_and_a_killed_run_is_tried_again(
    ui: str, workspace: Workspace, deliveries: Path
) -> None:
    (workspace.root / "bad").mkdir()
    (workspace.root / "bad" / "songs.csv").write_text("song_id,audio\nx,../../secret.mp3\n")
    drop(workspace.root / "bad", workspace, "bad")
    wait_until(lambda: runs(ui) == ["SUCCESS"], 300)
    assert "leads out" in (workspace.root / "data" / "rejected" / "bad.reason.json").read_text()
    assert rejection(ui) == "FAILED"
    drop(deliveries / "new-songs", workspace, "new-songs")
    killed = run_process(workspace, ui)
    killed.kill()
    wait_until(lambda: runs(ui) == ["SUCCESS", "FAILURE", "SUCCESS"], 300)
    assert [arrival.delivery for arrival in read_arrivals(workspace.root)] == ["catalogue", "new-songs"]
    wait_until(lambda: alerts(workspace) == ["delivery rejected", "run failed"], 60)
    assert "SensorExecutionError" not in (workspace.root / "log.txt").read_text()


def rejection(address: str) -> str:
    nodes = asked(address, CHECKS)["assetNodes"]
    [node] = [node for node in nodes if node["assetKey"]["path"] == ["deliveries"]]
    [check] = node["assetChecksOrError"]["checks"]
    return str(check["executionForLatestMaterialization"]["status"])


def run_process(workspace: Workspace, address: str) -> psutil.Process:
    """The process of the run that takes in what was dropped, once it has begun with a stage."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline", "cwd"]):
            command, folder = process.info["cmdline"] or [], process.info["cwd"]
            if command[1:] == ["-m", "earshot", "stage", "raw_audio"] and folder == str(workspace.root):
                parents = process.parents()
                return parents[1] if parents[0].name() in ("sh", "bash", "dash") else parents[0]
        time.sleep(0.05)
    raise AssertionError(f"no run: {runs(address)}\n{(workspace.root / 'log.txt').read_text()}")


def test_a_killed_code_process_is_started_anew(ui: str, workspace: Workspace, deliveries: Path) -> None:
    [code] = code_processes(workspace)
    code.kill()
    wait_until(lambda: code_processes(workspace) not in ([], [code]), 60)
    drop(deliveries / "new-songs", workspace, "new-songs")
    wait_until(lambda: len(read_arrivals(workspace.root)) == 2, 300)


def code_processes(workspace: Workspace) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(workspace.root)
        and {"api", "grpc"} <= set(process.info["cmdline"] or [])
    ]


def test_two_daemons_do_the_work_once(ui: str, workspace: Workspace, deliveries: Path) -> None:
    second = workspace.start("dagster", "dev", "--host", "127.0.0.1", "--port", "0")
    try:
        log = workspace.root / "log.txt"
        wait_until(lambda: "looks after this clone; end one of them" in log.read_text(), 120)
        drop(deliveries / "new-songs", workspace, "new-songs")
        wait_until(lambda: len(read_arrivals(workspace.root)) == 2, 300)
        wait_until(lambda: set(runs(ui)) == {"SUCCESS"}, 60)
        assert runs(ui) == ["SUCCESS"]
    finally:
        end(second)
