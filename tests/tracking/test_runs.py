"""What is recorded of trainings and evaluations: offline, online, and when it is synced."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.proto.wandb_internal_pb2 import Record

from earshot import tracking
from earshot.params import Params, check_params
from earshot.store.reader import HyperImageStore
from earshot.tracking import runs
from earshot.training.callbacks import Epoch, Meters
from tests import wandb_server
from tests.training.heard import write_training_set

EPOCHS = [Epoch(0, 0.9, 0.8), Epoch(1, 0.7, 0.6), Epoch(2, 0.5, 0.4)]
METERS = Meters(learning_rate=0.001, gradient_norm=2.0, examples_per_second=300.0)
SUMMARY = {"best_epoch": 2, "training_songs": 9}
DECISION = {"candidate": "0123456789ab", "released": True, "reason": "the first candidate"}
FOUND = {
    "auc": 0.7,
    "auc_ci95_artists": [0.65, 0.75],
    "map_at_500": 0.2,
    "map_at_500_ci95_artists": [0.1, 0.3],
}
PROJECT = "from-params"


@pytest.fixture(autouse=True)
def nothing_of_wandb_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings of whoever runs the tests nor the address of a service that an earlier test ended."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return workspace(tmp_path)


def workspace(root: Path) -> Path:
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(name, root / name)
    write_training_set(root / "training_set")
    (root / "work").mkdir()
    (root / "encoder.pt").write_bytes(b"weights")
    (root / "metrics.json").write_text(json.dumps({"systems": {"candidate": FOUND}}))
    (root / "systems.csv").write_text("system,auc\nrandom,0.5\ncandidate,0.7\n")
    return root


@pytest.fixture
def params() -> Params:
    return _params()


def _params() -> Params:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["tracking"] = {"project": PROJECT, "media": ["open"]}
    return check_params(content, "params.yaml", Params)


def _records(folder: Path) -> Iterator[Record]:
    """What wandb has written: LevelDB's log format, a record of protobuf in one or several chunks."""
    (path,) = folder.glob("*.wandb")
    content, position, whole = path.read_bytes(), 7, b""
    while position + 7 < len(content):
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768
        length, kind = struct.unpack("<HB", content[position + 4 : position + 7])
        whole += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):
            record = Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def _history(folder: Path) -> list[dict[str, object]]:
    lines = [record.history for record in _records(folder) if record.WhichOneof("record_type") == "history"]
    return [
        {(item.key or item.nested_key[0]): json.loads(item.value_json) for item in line.item}
        for line in lines
    ]


def _train(root: Path, params: Params, epochs: list[Epoch], finishes: bool = True) -> None:
    store = HyperImageStore.open(root / "training_set" / "hyper_images")
    with tracking.training_run(root, root / "work", params) as tracked:
        tracked.log_songs(params, root / "training_set", store)
        for epoch in epochs:
            tracked.log_epoch(epoch, METERS)
        if finishes:
            tracked.finish(EPOCHS, SUMMARY, root / "encoder.pt")


def _train_in_two_parts_and_judge(root: Path, params: Params) -> None:
    """A training that is killed after two epochs, and goes on; the candidate is judged."""
    _train(root, params, EPOCHS[:2], finishes=False)
    _train(root, params, EPOCHS[2:])
    tracking.log_evaluation(root, params, root / "encoder.pt", DECISION, root)


def _latest(root: Path) -> dict[str, str]:
    latest = tracking.latest_run(root)
    assert latest is not None
    return latest


def test_a_run_holds_curves_config_and_only_the_media_that_may_be_shown(
    root: Path, params: Params, capfd: pytest.CaptureFixture[str]
) -> None:
    _train(root, params, EPOCHS)
    latest = _latest(root)
    folder = Path(latest["folder"])
    assert folder.parent == root / ".earshot" / "wandb"
    assert (latest["mode"], latest["project"]) == ("offline", "from-params")
    curve = [(line["epoch"], line["validation_loss"]) for line in _history(folder) if "epoch" in line]
    assert curve == [(0, 0.8), (1, 0.6), (2, 0.4)]
    (run,) = [record.run for record in _records(folder) if record.WhichOneof("record_type") == "run"]
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["wmf_factors"]["factors"] == params.wmf_factors.factors
    media = [path for path in folder.rglob("media/**/*") if path.is_file()]
    assert sorted(path.suffix for path in media) == [".png", ".wav"]  # of the two clips one is secret
    assert capfd.readouterr() == ("", "")


def test_a_training_that_goes_on_after_a_kill_has_one_id_and_every_epoch_once(
    root: Path, params: Params
) -> None:
    _train(root, params, EPOCHS[:2], finishes=False)
    first = _latest(root)
    _train(root, params, EPOCHS[2:])
    second = _latest(root)
    assert second["run_id"] == first["run_id"]
    curves = [_history(Path(each["folder"])) for each in (first, second)]
    assert [[line["epoch"] for line in curve if "epoch" in line] for curve in curves] == [[0, 1], [2]]


def test_only_the_candidate_that_was_trained_last_is_judged_beside_its_training(
    root: Path, params: Params
) -> None:
    _train(root, params, EPOCHS)
    before = _latest(root)
    (root / "encoder.pt").write_bytes(b"others")
    tracking.log_evaluation(root, params, root / "encoder.pt", DECISION, root)
    assert _latest(root) == before
    assert len(list((root / ".earshot" / "wandb").glob("offline-run-*"))) == 1


def test_environment_goes_before_params(
    root: Path, params: Params, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"PROJECT": "mine", "ENTITY": "us", "DIR": str(tmp_path / "elsewhere")}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    _train(root, params, EPOCHS)
    latest = _latest(root)
    assert (latest["project"], latest["entity"]) == ("mine", "us")
    assert Path(latest["folder"]).is_relative_to(tmp_path / "elsewhere")


def test_disabled_means_nothing_is_written(
    root: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    _train(root, params, EPOCHS)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    runs = sorted((root / ".earshot" / "wandb").glob("offline-run-*"))
    _train(root, params, EPOCHS)
    assert tracking.latest_run(root) is None
    assert sorted((root / ".earshot" / "wandb").glob("offline-run-*")) == runs


@pytest.mark.soak
@pytest.mark.parametrize(
    "key",
    [
        pytest.param({}, id="no account"),
        pytest.param({"WANDB_API_KEY": "a" * 40}, id="no network"),
    ],
)
def test_a_training_goes_on_offline_where_online_fails(root: Path, key: dict[str, str]) -> None:
    nowhere = {"WANDB_MODE": "online", "WANDB_BASE_URL": "http://127.0.0.1:9", "HOME": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracking.test_runs", str(root)],
        env={**os.environ, **nowhere, **key},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "W&B cannot start in mode 'online'" in done.stderr
    assert _latest(root)["mode"] == "offline"
    assert len([line for line in _history(Path(_latest(root)["folder"])) if "epoch" in line]) == 3


def test_an_account_sees_a_training_and_its_evaluation_the_same_online_and_synced(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}
    monkeypatch.setattr(runs, "kept_id", lambda work: "abcd1234")
    monkeypatch.setattr("earshot.tracking.training.kept_id", lambda work: "abcd1234")
    for mode in ("online", "offline"):
        (tmp_path / mode).mkdir()
        root = workspace(tmp_path / mode)
        with wandb_server.serving() as server:
            for name, value in {"MODE": mode, "BASE_URL": server.address, "API_KEY": "a" * 40}.items():
                monkeypatch.setenv(f"WANDB_{name}", value)
            _train_in_two_parts_and_judge(root, params)
            if mode == "offline":
                assert not server.runs
                parts = sorted((root / ".earshot" / "wandb").glob("offline-run-*"))
                subprocess.run(["wandb", "sync", "--yes", *parts], check=True, capture_output=True)
            assert set(server.unknown) <= {"OrganizationCoreWeaveOrganizationID"}
            seen[mode] = {name: _as_seen(run) for (_, name), run in server.runs.items()}
    assert seen["online"] == seen["offline"]
    training, evaluation = seen["online"]["abcd1234"], seen["online"]["abcd1234-01234567"]
    assert training["name"] == evaluation["name"] == "blocks+factors_mse"
    assert training["group"] == evaluation["group"] == "abcd1234"
    assert (training["job"], evaluation["job"]) == ("training", "evaluation")
    assert training["tags"] == ["blocks", "factors_mse", "held out by song"]
    assert evaluation["tags"] == [*training["tags"], "released"]
    assert [line["epoch"] for line in training["history"] if "epoch" in line] == [0, 1, 2]
    assert {"learning_rate", "gradient_norm", "examples_per_second"} <= set(training["summary"])
    assert training["summary"].items() >= {**SUMMARY, "epoch": 2, "validation_loss": 0.4}.items()
    ends = {"auc": 0.7, "auc_low": 0.65, "auc_high": 0.75, "map_at_500": 0.2}
    assert evaluation["summary"].items() >= {**ends, "released": True}.items()
    assert evaluation["config"]["candidate"] == DECISION["candidate"]
    assert set(training["config"]["inputs"]) == {"training_set", "wmf_factors"}
    assert sorted(Path(name).suffix for name in training["files"]) == [".png", ".wav"]


def _as_seen(run: wandb_server.Run) -> dict[str, Any]:
    """What does not hang on the moment."""
    lines = [run.history[number] for number in sorted(run.history)]
    files = {name for name in run.files if name.startswith("media")}
    return {
        "name": run.settings["displayName"],
        "group": run.settings["groupName"],
        "job": run.settings["jobType"],
        "tags": run.settings["tags"],
        "config": run.config,
        "history": [_values(line) for line in lines],
        "summary": _values(run.summary),
        "files": {Path(name).with_name(f"any{Path(name).suffix}").as_posix() for name in files},
    }


def _values(line: dict[str, Any]) -> dict[str, Any]:
    """Without moments, and without tables, which are named by what they hold."""
    moments = ("_timestamp", "_runtime", "_wandb")
    return {key: value for key, value in line.items() if key not in moments and not isinstance(value, dict)}


def test_the_run_of_a_sweep_is_that_of_the_evaluation(
    root: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wandb_server.serving() as server:
        of_agent = {"SWEEP_ID": "swept", "RUN_ID": "of-agent", "BASE_URL": server.address, "MODE": "online"}
        for name, value in {**of_agent, "API_KEY": "a" * 40}.items():
            monkeypatch.setenv(f"WANDB_{name}", value)
        _train(root, params, EPOCHS)
        # another stage, and so another process, which the agent's variables reach too
        monkeypatch.setenv("WANDB_SWEEP_ID", "swept")
        monkeypatch.setenv("WANDB_RUN_ID", "of-agent")
        tracking.log_evaluation(root, params, root / "encoder.pt", DECISION, root)
        sweeps = {name: run.settings.get("sweep") for (_, name), run in server.runs.items()}
    assert sweeps == {_latest(root)["run_id"]: None, "of-agent": "swept"}


if __name__ == "__main__":
    runs._SECONDS_TO_CONNECT = 2.0
    _train(Path(sys.argv[1]), _params(), EPOCHS)
