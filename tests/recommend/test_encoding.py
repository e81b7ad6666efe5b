"""Shards are heard once, whole, and continued after a kill."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.executors import executing_on
from earshot.files import write_json
from earshot.params import ExecutorSettings
from earshot.predictors.load import load_encoder, predict
from earshot.recommend.encoding import encode_shards, file_name, read_encoded, unknown_words
from earshot.store.families import StoredFamily
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.song_values import write_values
from tests.executors.test_on_ray import kill_one_at_work
from tests.releases.tiny_workspace import TOY, World, write_model

KEY = "encoder"


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done anew is told by the bars, which a pipe shows on demand alone."""
    monkeypatch.setenv("EARSHOT_PROGRESS", "always")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    World().write_training_set(folder / "training_set")
    write_model(folder, seed=1)
    return folder


def encode(store: HyperImageStore, made: Path, work: Path, folder: Path, there: tuple[str, ...] = ()) -> None:
    work.mkdir(exist_ok=True)
    folder.mkdir()
    encode_shards(store, made / "cnn_checkpoint", KEY, lambda name: name in there, work, folder, [TOY])


def test_songs_get_their_own_vectors_in_any_order(made: Path, tmp_path: Path) -> None:
    whole = HyperImageStore.open(made / "training_set" / "hyper_images")
    encode(whole, made, tmp_path / "work", tmp_path / "predicted")
    expected = predict(load_encoder(made / "cnn_checkpoint", [TOY]), whole, np.arange(len(whole.songs)))
    picked = np.random.default_rng(0).permutation(len(whole.songs))[:50]  # the others are withdrawn
    live = HyperImageStore(whole.folder, whole.format, whole.songs.iloc[picked].reset_index(drop=True))
    read = read_encoded(live, tmp_path / "predicted")
    assert np.allclose(read, expected[picked], rtol=1e-5, atol=1e-7)


def test_withdrawn_songs_change_no_byte(made: Path, tmp_path: Path) -> None:
    whole = HyperImageStore.open(made / "training_set" / "hyper_images")
    encode(whole, made, tmp_path / "work", tmp_path / "predicted")
    fewer = HyperImageStore(whole.folder, whole.format, whole.songs.iloc[::3].reset_index(drop=True))
    encode(fewer, made, tmp_path / "fewer-work", tmp_path / "fewer")
    for path in (tmp_path / "fewer").glob("*.npy"):
        assert path.read_bytes() == (tmp_path / "predicted" / path.name).read_bytes()


def test_finished_shards_are_not_heard_again(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    encode(store, made, tmp_path / "work", tmp_path / "first")
    (tmp_path / "work" / file_name(KEY, "shard032")).unlink()  # a run that was killed before it
    capfd.readouterr()
    encode(store, made, tmp_path / "work", tmp_path / "second")
    assert capfd.readouterr().err.count("100%") == 1
    names = sorted(path.name for path in (tmp_path / "second").glob("*.npy"))
    assert names == [file_name(KEY, f"shard{n:03d}") for n in (0, 32, 64, 92)]
    encode(store, made, tmp_path / "other-work", tmp_path / "third", there=tuple(names))
    assert capfd.readouterr().err == ""


def test_files_that_could_not_be_read_are_passed_over(made: Path, tmp_path: Path) -> None:
    whole = HyperImageStore.open(made / "training_set" / "hyper_images")
    folder = tmp_path / "store"
    World().write_images(folder)
    table = pd.read_parquet(folder / "shards" / "shard032.parquet")
    bad = pd.DataFrame({"song_id": ["bad"], "n_frames": [0], "first_frame": [table["first_frame"][7]]})
    pd.concat([table.iloc[:7], bad, table.iloc[7:]]).to_parquet(folder / "shards" / "shard032.parquet")
    store = HyperImageStore.open(folder)
    encode(store, made, tmp_path / "work", tmp_path / "predicted")
    expected = predict(load_encoder(made / "cnn_checkpoint", [TOY]), whole, np.arange(len(whole.songs)))
    assert np.allclose(read_encoded(store, tmp_path / "predicted"), expected, rtol=1e-5, atol=1e-7)


def test_words_that_the_encoder_did_not_learn_are_counted(made: Path, tmp_path: Path) -> None:
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    own = tmp_path / "store"
    own.mkdir()
    family = StoredFamily("metadata", "key", "song", "words", 0)
    said = [["genres=new", "genres=rock"], ["genres=new"], ["genres=odd"], []]
    write_store(own, store.format, store.songs, [family])
    write_values(own, family, store.songs["song_id"].tolist()[:4], said)
    heard = [{"name": "metadata", "words": ["genres=rock"]}, {"name": "samples", "words": []}]
    write_json(tmp_path / "encoder.json", {"others": heard})
    assert unknown_words(HyperImageStore.open(own), tmp_path) == {"genres=new": 2, "genres=odd": 1}
    assert unknown_words(store, made / "cnn_checkpoint") == {}  # an encoder of the image alone


@pytest.mark.soak
def test_two_workers_of_ray_hear_the_same_bytes_though_one_is_killed(made: Path, tmp_path: Path) -> None:
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    encode(store, made, tmp_path / "work", tmp_path / "here")
    killed: list[int] = []
    with executing_on(ExecutorSettings(kind="ray", workers=2)):
        killer = threading.Thread(target=kill_one_at_work, args=(killed,))
        killer.start()
        encode(store, made, tmp_path / "work-on-ray", tmp_path / "on-ray")
        killer.join()
    assert killed
    files = sorted((tmp_path / "here").glob("*"))
    assert len(files) > 2
    for file in files:
        assert (tmp_path / "on-ray" / file.name).read_bytes() == file.read_bytes()
