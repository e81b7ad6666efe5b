"""The store grows by the shards of new songs alone, and is the same however it came to be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import soundfile

import earshot
from earshot.audio.decoding import decode, to_mono
from earshot.errors import UserError
from earshot.executors import local, pool
from earshot.extraction.images import PlannedShard, make_shards, plan_shards, read_shard_tables, shard_files
from earshot.features.compute import features, quantize
from earshot.features.hyper_image import DEFAULTS
from earshot.features.spectrum import resample
from earshot.params import HyperImages
from earshot.store.reader import HyperImageStore
from tests.audio.files import RATE, stereo
from tests.audio.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    workspace.set("hyper_images", shard_songs=2)
    return workspace


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio")
    for number in range(6):
        pitch = 2 ** (number / 12)
        sound = stereo(2.0 + number / 4)
        soundfile.write(folder / f"{number}.ogg", sound, round(RATE / pitch))
    return folder


def deliver(
    workspace: Workspace, name: str, files: Path, songs: dict[str, int | None], withdrawn: str = ""
) -> None:
    """A delivery of `songs`, each with the number of its file."""
    audio = ["" if number is None else f"audio/{number}.ogg" for number in songs.values()]
    table = pd.DataFrame({"song_id": list(songs), "audio": audio})
    workspace.deliver(name, table.assign(withdrawn=[song == withdrawn for song in songs]), files)
    workspace.run("raw_audio")


def store(workspace: Workspace) -> HyperImageStore:
    return HyperImageStore.open(workspace.root / "data/hyper_images")


def test_a_store_holds_the_image_of_every_song(workspace: Workspace, files: Path) -> None:
    deliver(workspace, "first", files, {"s3": 0, "s1": 1, "s2": 2, "silent": None})
    summary = workspace.run("hyper_images")
    assert (summary["songs"], summary["shards"], summary["songs_set_aside"]) == (3, 2, 0)
    images = store(workspace)
    assert images.songs["song_id"].tolist() == ["s1", "s2", "s3"]
    assert images.feature_key == summary["feature_key"]
    for song, number in {"s3": 0, "s1": 1, "s2": 2}.items():
        wanted = earshot.hyper_image(files / f"{number}.ogg")
        assert images.rows == wanted.rows
        assert np.abs(images.image(song) - wanted.values).max() <= 0.51 / 255
    rows = json.loads((workspace.root / "data/hyper_images/rows.json").read_text())
    assert rows["rows"][0] == {
        "name": "chroma_C",
        "family": "chroma",
        "offset": 0.0,
        "scale": pytest.approx(1 / 255),
    }


def test_a_delivery_adds_its_own_shards(workspace: Workspace, files: Path) -> None:
    """The first delivery's files are gone: nothing of it is computed again."""
    deliver(workspace, "first", files, {"s1": 0, "s2": 1, "s3": 2})
    workspace.run("hyper_images")
    before = workspace.hashes("hyper_images")
    for path in (workspace.root / "data/deliveries/first/audio").iterdir():
        path.unlink()
    deliver(workspace, "second", files, {"s4": 3, "s2": 4})
    assert workspace.run("hyper_images")["songs"] == 4
    after = workspace.hashes("hyper_images")
    shards = {name for name in before if name.startswith("shards/")}
    assert len(shards) == 4
    assert all(after[name] == before[name] for name in shards)
    wanted = earshot.hyper_image(files / "4.ogg").values
    assert np.abs(store(workspace).image("s2") - wanted).max() <= 0.51 / 255


def test_shards_without_a_current_song_are_left_out(workspace: Workspace, files: Path) -> None:
    deliver(workspace, "first", files, {"s1": 0, "s2": 1, "s3": 2})
    workspace.run("hyper_images")
    deliver(workspace, "second", files, {"s3": None}, withdrawn="s3")
    assert workspace.run("hyper_images")["shards"] == 1
    assert store(workspace).songs["song_id"].tolist() == ["s1", "s2"]


def test_the_same_content_again_is_not_computed_again(workspace: Workspace, files: Path) -> None:
    deliver(workspace, "first", files, {"s1": 0, "s2": 1})
    workspace.run("hyper_images")
    deliver(workspace, "again", files, {"s1": 0, "s2": 1})
    before = workspace.hashes("hyper_images")
    workspace.run("hyper_images")
    assert workspace.hashes("hyper_images") == before


def test_incremental_interrupted_and_at_once_are_the_same_bytes(tmp_path: Path, files: Path) -> None:
    at_once, one_by_one, interrupted = (
        Workspace(tmp_path / name) for name in ("at_once", "one_by_one", "interrupted")
    )
    for each in (at_once, one_by_one, interrupted):
        each.set("hyper_images", shard_songs=2)
        deliver(each, "first", files, {"s1": 0, "s2": 1, "s3": 2})
    one_by_one.run("hyper_images")
    for each in (at_once, one_by_one, interrupted):
        deliver(each, "second", files, {"s4": 3, "s1": 4})
    summary = at_once.run("hyper_images")
    assert one_by_one.run("hyper_images") == summary
    assert one_by_one.hashes("hyper_images") == at_once.hashes("hyper_images")

    first = next(iter((at_once.root / "data/hyper_images/shards").glob("*.npy")))
    shards = interrupted.paths("hyper_images").work / "shards"
    shards.mkdir()
    for name in (first, first.with_suffix(".parquet")):
        (shards / name.name).write_bytes(name.read_bytes())
    assert interrupted.run("hyper_images") == summary
    assert interrupted.hashes("hyper_images") == at_once.hashes("hyper_images")


STAGE = """
import sys
from tests.stages.test_hyper_images import one_shard
from earshot.extraction.images import make_shards
make_shards(*one_shard(sys.argv[1], sys.argv[2]))
"""


def one_shard(audio: str, folder: str) -> tuple[list[PlannedShard], Path, Path, HyperImages]:
    """Arguments of make_shards: the files of `audio`, to become one shard in `folder`."""
    names = sorted(path.name for path in Path(audio).iterdir())
    table = {"delivery": "d", "song_id": names, "audio": names, "audio_md5": names, "seconds": 2.0}
    shards = plan_shards(pd.DataFrame(table).assign(current=True), DEFAULTS)
    return shards, Path(audio), Path(folder), DEFAULTS


@pytest.fixture
def many(files: Path, tmp_path: Path) -> Path:
    """Sixty files."""
    (tmp_path / "many").mkdir()
    for number in range(60):
        shutil.copy(files / f"{number % 6}.ogg", tmp_path / "many" / f"{number:02}.ogg")
    return tmp_path / "many"


def test_after_a_kill_it_goes_on_at_the_next_file(many: Path, tmp_path: Path) -> None:
    whole = one_shard(str(many), str(tmp_path / "whole"))
    make_shards(*whole)
    killed = one_shard(str(many), str(tmp_path / "killed"))
    frames, table = (tmp_path / "killed" / name for name in shard_files(killed[0][0].key))
    command = [sys.executable, "-c", STAGE, str(many), str(tmp_path / "killed")]
    stage = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": "src:."}, stderr=subprocess.DEVNULL)
    journal = frames.with_suffix(".jsonl")
    while not journal.exists() or journal.read_text().count("\n") < 5:
        assert stage.poll() is None
        time.sleep(0.001)
    stage.kill()
    stage.wait()
    done = journal.read_text().count("\n")
    assert 5 <= done < 60
    for name in sorted(many.iterdir())[:done]:
        name.write_bytes(b"would be set aside if it were read again")
    make_shards(*killed)
    assert frames.read_bytes() == (tmp_path / "whole" / "shards" / frames.name).read_bytes()
    assert table.read_bytes() == (tmp_path / "whole" / "shards" / table.name).read_bytes()


def test_a_file_at_which_a_worker_hangs_has_a_reason_and_the_rest_an_image(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker is frozen, another one killed, whose file is simply done again."""
    monkeypatch.setattr(pool, "SECONDS_AN_ITEM", 8.0)
    monkeypatch.setattr(local, "core_count", lambda: 3)
    workers: list[local.ProcessWorker] = []
    start = local.ProcessWorker.__init__
    monkeypatch.setattr(
        local.ProcessWorker, "__init__", lambda self, *of: (workers.append(self), start(self, *of))[1]
    )
    shards, *rest = one_shard(str(many), str(tmp_path / "out"))
    harm = threading.Thread(target=freeze_one_and_kill_one, args=(workers,))
    harm.start()
    make_shards(shards, *rest)
    harm.join()
    table = read_shard_tables(tmp_path / "out", shards)
    assert table["reason"].dropna().tolist() == ["hung: no result in 8 s"]
    assert (table["n_frames"] > 0).sum() == 59


def test_a_table_of_another_length_than_its_shard_is_named(many: Path, tmp_path: Path) -> None:
    shards, *rest = one_shard(str(many), str(tmp_path / "out"))
    make_shards(shards, *rest)
    path = tmp_path / "out" / shard_files(shards[0].key)[1]
    pd.read_parquet(path).iloc[1:].to_parquet(path, index=False)
    with pytest.raises(UserError, match=f"{re.escape(str(path))}: 59 rows: wanted one for each of 60 files"):
        read_shard_tables(tmp_path / "out", shards)


def freeze_one_and_kill_one(workers: list[local.ProcessWorker]) -> None:
    while len(ready := [worker for worker in workers if getattr(worker, "ready", False)]) < 2:
        time.sleep(0.001)
    psutil.Process(ready[0].process.pid).suspend()
    ready[1].process.kill()


def test_of_a_long_song_the_middle(workspace: Workspace, files: Path, tmp_path: Path) -> None:
    workspace.set("hyper_images", excerpt_seconds=1.0)
    deliver(workspace, "first", files, {"s1": 0})
    workspace.run("hyper_images")
    samples, rate = decode(files / "0.ogg", start=0.5, seconds=1.0)
    blocks = resample([to_mono(samples)], rate, 22050)
    wanted = features(blocks, workspace.params.hyper_images, quantize)
    found = store(workspace).windows([0], [0], len(wanted))[0]
    assert np.array_equal(found, wanted)


def test_a_song_that_has_no_image_is_set_aside(workspace: Workspace, files: Path, tmp_path: Path) -> None:
    loud = tmp_path / "loud"
    loud.mkdir()
    soundfile.write(loud / "0.ogg", stereo(), RATE, format="OGG")
    soundfile.write(loud / "1.ogg", stereo(0.1), RATE)
    workspace.set("raw_audio", min_seconds=0.0)
    deliver(workspace, "first", loud, {"s1": 0, "s2": 1})
    assert workspace.run("hyper_images")["reasons"] == {"too short": 1}
    assert store(workspace).songs["song_id"].tolist() == ["s1"]
    bad = workspace.table("hyper_images", "set_aside")
    assert bad.to_dict("records") == [
        {
            "song_id": "s2",
            "delivery": "first",
            "audio": "data/deliveries/first/audio/1.ogg",
            "reason": "too short: 5 frames, a hyper-image needs 9",
        }
    ]
    deliver(workspace, "second", loud, {"s1": None}, withdrawn="s1")
    with pytest.raises(UserError, match="none of 1 songs has a hyper-image"):
        workspace.run("hyper_images")


def test_no_audio_at_all_is_an_error(workspace: Workspace, files: Path) -> None:
    deliver(workspace, "first", files, {"s1": None})
    with pytest.raises(UserError, match="no song has audio that can be used"):
        workspace.run("hyper_images")
