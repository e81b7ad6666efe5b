"""Deliveries of real sound against what was trained on: like ones pass, quieter and duller ones do not."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from earshot.errors import UserError
from earshot.evaluation.drift import Line
from earshot.files import replace_array, write_json, write_table
from earshot.params import Drift
from earshot.recommend.encoding import NAMES, file_name
from earshot.shared_files import CARD, REFERENCE, REFERENCE_COLUMNS, REFERENCE_STATISTICS
from earshot.stages.drift import summarize
from tests.audio.workspace import Workspace

RATE = 22050


def tones(rng: np.random.Generator) -> NDArray[np.float64]:
    """A second of a chord in noise."""
    time = np.arange(RATE) / RATE
    pitch = 220 * 2 ** (rng.integers(24) / 12)
    chord = sum(np.sin(2 * np.pi * pitch * partial * time) / partial for partial in (1, 2, 3))
    return 0.1 * np.asarray(chord) + 0.1 * rng.standard_normal(RATE)


def clicks(rng: np.random.Generator) -> NDArray[np.float64]:
    """Bursts of noise, as loud and as bright, in silence."""
    beats = np.arange(RATE) % (RATE // 8) < RATE // 40
    return 0.3 * beats * rng.standard_normal(RATE)


def dull(rng: np.random.Generator) -> NDArray[np.float64]:
    filtered: NDArray[np.float64] = sosfilt(butter(8, 2000, fs=RATE, output="sos"), tones(rng))
    return filtered


SOUNDS = {
    "alike": tones,
    "quiet": lambda rng: tones(rng) * 10 ** (-12 / 20),
    "dull": dull,
    "other": clicks,
}


def deliver(workspace: Workspace, name: str, sound: object, n_songs: int, folder: Path) -> None:
    rng = np.random.default_rng(sum(map(ord, name)))
    files = folder / name
    files.mkdir()
    ids = [f"{name}{n:02d}" for n in range(n_songs)]
    for song_id in ids:
        soundfile.write(files / f"{song_id}.wav", sound(rng), RATE)  # type: ignore[operator]
    artists = [f"{name}{n // 2}" for n in range(n_songs)]
    table = pd.DataFrame({"song_id": ids, "artist_id": artists, "audio": [f"audio/{n}.wav" for n in ids]})
    workspace.deliver(name, table, files)


def extract(workspace: Workspace) -> None:
    workspace.run("raw_audio")
    workspace.run("hyper_images")


def snapshot(workspace: Workspace) -> None:
    """What training_set would hold of the sound that is there."""
    data = workspace.root / "data"
    shutil.rmtree(data / "training_set", ignore_errors=True)
    shutil.copytree(data / "hyper_images", data / "training_set" / "hyper_images")
    songs = pd.read_parquet(data / "raw_audio" / "songs.parquet", columns=["song_id", "artist_id"])
    write_table(data / "training_set" / "songs.parquet", songs)
    summary = {"songs": len(songs), "set_aside": {"audio files set aside": 0}}
    write_json(data / "training_set" / "summary.json", summary)


def release(workspace: Workspace) -> None:
    """Predicted factors of every shard, all of length 1."""
    data, folder = workspace.root / "data", workspace.root / "data" / "served_factors" / "predicted"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "encoders.json", ["encoder"])
    for path in (data / "hyper_images" / "shards").glob("*.parquet"):
        songs = pd.read_parquet(path)
        encoded = np.zeros(len(songs), dtype=[("first_frame", np.int64), ("factors", np.float32, (2,))])
        encoded["first_frame"], encoded["factors"][:, 0] = songs["first_frame"], 1.0
        replace_array(folder / file_name("encoder", path.stem), encoded)
    shards = sorted(path.stem for path in (data / "hyper_images" / "shards").glob("*.parquet"))
    write_json(folder / NAMES, {shard: file_name("encoder", shard) for shard in shards})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Songs trained on, nothing released, and four deliveries since. Copy before changing it."""
    folder = tmp_path_factory.mktemp("drift")
    workspace = Workspace(folder / "workspace")
    workspace.root.mkdir()
    stage = {"cmd": "", "deps": [], "outs": ["data/drift"]}
    (workspace.root / "dvc.yaml").write_text(json.dumps({"stages": {"drift": stage}}))
    workspace.set("drift", draws=1000)
    deliver(workspace, "first", tones, 40, folder)
    extract(workspace)
    snapshot(workspace)
    for name, sound in SOUNDS.items():
        deliver(workspace, name, sound, 12, folder)
    extract(workspace)
    return workspace


@pytest.fixture
def workspace(trained: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(trained.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace", trained.params, dict(trained.outputs))


def drifted(workspace: Workspace) -> dict[str, set[str]]:
    lines = pd.read_parquet(workspace.root / "data" / "drift" / "drift.parquet")
    found = lines[lines["drifted"]].groupby("delivery")["measure"].agg(set)
    return {name: found.get(name, set()) for name in lines["delivery"].drop_duplicates()}


def test_what_differs_is_called_drifted_and_what_does_not_is_not(workspace: Workspace) -> None:
    summary = workspace.run("drift")
    found = drifted(workspace)
    assert found["first"] == found["alike"] == set()
    assert found["quiet"] >= {"hyper_image", "loudness"}
    assert "bandwidth" not in found["quiet"]
    assert found["dull"] >= {"hyper_image", "bandwidth"}
    assert "hyper_image" in found["other"]
    assert summary["drifted"]
    assert summary["drifted_deliveries"] == ["quiet", "dull", "other"]
    assert summary["new_deliveries"] == 4
    checks = {check["name"]: check for check in summary["checks"]}
    assert not checks["new_deliveries"]["passed"]
    assert checks["new_deliveries"]["observed"] == "3 of 4"
    assert checks["predicted_norm"]["observed"] == "nothing is released"
    lines = pd.read_parquet(workspace.root / "data" / "drift" / "drift.parquet").set_index(
        ["delivery", "measure"]
    )
    quieter = lines["observed"]["alike", "loudness"] - lines["observed"]["quiet", "loudness"]
    assert quieter == pytest.approx(12, abs=0.3)


def test_one_delivery_far_beyond_chance_is_enough() -> None:
    """Of two deliveries one may differ by chance; not with 128.7 deviations where 0.4 was expected."""
    settings = Drift(songs=1000, draws=4000, false_alarms=0.4)
    for distance, far in ((0.41, []), (1.19, []), (128.7, ["previews"])):
        measured = [("first", 9.9, 0), ("alike", 0.3, 3), ("previews", distance, 3)]
        lines = [(name, new, Line("hyper_image", found, 0.0, 0.4)) for name, found, new in measured]
        summary = summarize(
            pd.DataFrame(
                {"delivery": name, "songs": 3, "new_songs": new, **asdict(line)}
                | {"drifted": line.drifted, "far": line.far}
                for name, new, line in lines
            ),
            settings,
        )
        assert summary["drifted_deliveries"] == ["previews"]
        assert summary["far_deliveries"] == far
        assert summary["drifted"] == bool(far) != summary["checks"][0]["passed"]
        assert len(summary["notices"]) == len(far)
    assert summary["notices"] == [
        "previews sounds unlike anything trained on: distance of the mean hyper-image, in standard "
        "deviations between songs 128.700 (by chance 0.000 to 0.400)"
    ]


def test_a_training_on_all_of_it_ends_the_drift(workspace: Workspace) -> None:
    snapshot(workspace)
    summary = workspace.run("drift")
    assert not summary["drifted"]
    assert summary["new_deliveries"] == 0


def test_a_measured_delivery_is_not_heard_again(workspace: Workspace, tmp_path: Path) -> None:
    release(workspace)
    workspace.run("drift")
    for shard in (workspace.root / "data").glob("*/**/shards/*.npy"):
        shard.rename(shard.with_suffix(".gone"))
    deliver(workspace, "later", tones, 12, tmp_path)
    extract(workspace)
    release(workspace)
    assert workspace.run("drift")["new_deliveries"] == 5
    incremental = {path.name: path.read_bytes() for path in (workspace.root / "data" / "drift").glob("*.*")}
    for shard in (workspace.root / "data").glob("*/**/shards/*.gone"):
        shard.rename(shard.with_suffix(".npy"))
    workspace.outputs.pop("drift")
    workspace.run("drift")
    at_once = {path.name: path.read_bytes() for path in (workspace.root / "data" / "drift").glob("*.*")}
    assert at_once == incremental


def test_other_hyper_images_cannot_be_compared(workspace: Workspace) -> None:
    path = workspace.root / "data" / "training_set" / "hyper_images" / "rows.json"
    path.write_text(path.read_text().replace('"feature_key": "', '"feature_key": "another'))
    with pytest.raises(UserError, match="cannot be compared"):
        workspace.run("drift")


def test_where_nothing_was_trained_a_shared_release_says_what_its_songs_were_like(
    workspace: Workspace,
) -> None:
    """The same songs, described, in place of the training set: the same deliveries are called drifted."""
    release(workspace)
    data, shared = workspace.root / "data", workspace.root / "data" / "served_factors" / "release"
    workspace.run("drift")
    found, reference = drifted(workspace), data / "drift" / "reference"
    songs = pd.read_parquet(reference / "songs.parquet").assign(predicted_norm=1.0)
    songs["artist"] = pd.factorize(songs["artist_id"])[0]
    statistics = np.load(reference / "statistics.npy")
    shutil.rmtree(data / "training_set")
    said = workspace.run("drift")
    assert (said["deliveries"], said["drifted"]) == (0, False)
    assert "nothing was trained here" in said["notices"][0]
    assert all(check["passed"] for check in said["checks"])
    (shared / "drift").mkdir(parents=True)
    (shared / "shared").mkdir()
    write_table(shared / REFERENCE, songs[[*REFERENCE_COLUMNS]])
    np.save(shared / REFERENCE_STATISTICS, statistics)
    write_json(shared / CARD, {"sounds": 40, "set_aside": 0})
    said = workspace.run("drift")
    assert drifted(workspace) == found
    assert said["new_deliveries"] == 5  # no delivery of here was trained on
    assert said["drifted_deliveries"] == ["quiet", "dull", "other"]
