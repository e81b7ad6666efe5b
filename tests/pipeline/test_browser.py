"""Dagster's web UI in a real browser: every stage in its lane, no console error, true within 30 s."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from earshot.files import parse_yaml
from tests.chromium import CHROMIUM
from tests.chromium import OPTIONS as HEADLESS
from tests.pipeline.workspace import PROJECT, Workspace

LANES: dict[str, list[str]] = {"ingest": ["deliveries"]}
for name, stage in parse_yaml((PROJECT / "dvc.yaml").read_text())["stages"].items():
    LANES.setdefault(stage["meta"]["lane"], []).append(name)

OPTIONS = [*HEADLESS, "--window-size=1800,1200"]

STALE = "{ assetNodes { assetKey { path } staleStatus } }"


@pytest.fixture
def ui(workspace: Workspace) -> Iterator[str]:
    """The address of `dagster dev` on the finished workspace."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = workspace.start("dagster", "dev", "--host", "127.0.0.1", "--port", str(port))
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(address), 90)
        yield address
    finally:
        end(server)


def end(server: subprocess.Popen[str]) -> None:
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    server.terminate()
    _, left = psutil.wait_procs(family, timeout=15)
    for process in left:
        process.kill()
    server.wait()


def wait_until(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.5)


def answers(address: str) -> bool:
    try:
        return bool(stale(address) is not None)
    except (urllib.error.URLError, ConnectionError):
        return False


def stale(address: str) -> set[str] | None:
    """The assets that the UI shows as stale; None while none is loaded."""
    request = urllib.request.Request(
        f"{address}/graphql", json.dumps({"query": STALE}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        nodes = json.load(answer)["data"]["assetNodes"]
    return {node["assetKey"]["path"][0] for node in nodes if is_stale(node)} if nodes else None


def is_stale(node: dict[str, Any]) -> bool:
    """Of the pipeline; the papers' assets are run when somebody asks for them."""
    return len(node["assetKey"]["path"]) == 1 and node["staleStatus"] != "FRESH"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_graph_shows_every_stage_in_its_lane(ui: str, tmp_path: Path) -> None:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for option in [*OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(option)
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        for lane, names in LANES.items():
            browser.get(f"{ui}/locations/orchestration.definitions/asset-groups/{lane}/lineage")
            wait_until(lambda names=names: all(name in text(browser) for name in names), 60)
        errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    finally:
        browser.quit()
    assert errors == []


def text(browser: Any) -> str:
    return str(browser.execute_script("return document.body.innerText"))


@pytest.mark.soak
def test_an_edited_parameter_and_an_outside_run_show_within_30_seconds(ui: str, workspace: Workspace) -> None:
    assert stale(ui) == set()
    workspace.set_param("learning_rate", 0.003)
    wait_until(lambda: stale(ui) == {"cnn_checkpoint", "fold_models", "release"}, 30)
    workspace.run("git", "checkout", "-q", "--", "params.yaml")  # the run below is not of the whole training
    workspace.set_param("false_alarms", 0.02)
    wait_until(lambda: stale(ui) == {"drift"}, 30)
    workspace.run("dvc", "repro")
    wait_until(lambda: stale(ui) == set(), 30)
