import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from wandb.proto.wandb_internal_pb2 import Record

from earshot import tracking
from earshot.params import Params, check_params
from earshot.store.reader import HyperImageStore
from earshot.training.callbacks import Epoch
from tests.training.heard import write_training_set

EPOCHS = [Epoch(0, 0.9, 0.8), Epoch(1, 0.7, 0.6), Epoch(2, 0.5, 0.4)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    write_training_set(tmp_path / "training_set")
    (tmp_path / "work").mkdir()
    (tmp_path / "encoder.pt").write_bytes(b"weights")
    return tmp_path


@pytest.fixture
def params() -> Params:
    return _params()


def _params() -> Params:
    content = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    content["tracking"] = {"project": "from-params", "media": ["open"]}
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


def _train(root: Path, params: Params, epochs: list[Epoch]) -> None:
    store = HyperImageStore.open(root / "training_set" / "hyper_images")
    with tracking.training_run(root, root / "work", params) as tracked:
        tracked.log_songs(params, root / "training_set", store)
        for epoch in epochs:
            tracked.log_epoch(epoch)
        tracked.finish(EPOCHS, {"best_epoch": 2}, root / "encoder.pt")


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


def test_a_training_that_goes_on_after_a_kill_has_one_id_and_whole_curves(root: Path, params: Params) -> None:
    _train(root, params, EPOCHS)
    first = _latest(root)
    _train(root, params, EPOCHS[2:])
    second = _latest(root)
    assert second["run_id"] == first["run_id"]
    assert {line["epoch"] for line in _history(Path(second["folder"])) if "epoch" in line} == {0, 1, 2}


def test_result_tables_go_to_the_run_that_made_the_weights(root: Path, params: Params) -> None:
    _train(root, params, EPOCHS)
    rows = pd.DataFrame({"system": ["random", "candidate"], "auc": [0.5, 0.7]})
    before = _latest(root)
    tracking.log_report(root, params, root / "encoder.pt", {"systems": rows})
    assert _latest(root) == before
    tables = [path.read_text() for path in (root / ".earshot" / "wandb").rglob("systems*.table.json")]
    assert [json.loads(table)["data"] for table in tables] == [[["random", 0.5], ["candidate", 0.7]]]
    (root / "encoder.pt").write_bytes(b"others")
    tracking.log_report(root, params, root / "encoder.pt", {"others": rows})
    assert not list((root / ".earshot" / "wandb").rglob("others*.table.json"))


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


@pytest.mark.parametrize(
    "key",
    [
        pytest.param({}, id="no account"),
        pytest.param({"WANDB_API_KEY": "a" * 40}, id="no network", marks=pytest.mark.soak),
    ],
)
def test_a_training_goes_on_offline_where_online_fails(root: Path, key: dict[str, str]) -> None:
    nowhere = {"WANDB_MODE": "online", "WANDB_BASE_URL": "http://127.0.0.1:9", "HOME": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.test_tracking", str(root)],
        env={**os.environ, **nowhere, **key},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert "W&B cannot start in mode 'online'" in done.stderr
    assert _latest(root)["mode"] == "offline"
    assert len([line for line in _history(Path(_latest(root)["folder"])) if "epoch" in line]) == 3


if __name__ == "__main__":
    tracking._SECONDS_TO_CONNECT = 2.0
    _train(Path(sys.argv[1]), _params(), EPOCHS)
