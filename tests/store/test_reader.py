"""The store gives back what was written, in any order, and says which shard is wrong."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.errors import UserError
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.rows import ImageFormat, Row
from earshot.store.shards import write_shard

ROWS = (Row("a_1", "a", 0.0, 0.1), Row("b_1", "b", -1.0, 1.0), Row("b_2", "b", -1.0, 1.0))
FORMAT = ImageFormat("key", 22050, 512, ROWS)
LENGTHS = {"s1": 7, "s2": 1, "s3": 12, "s0": 5}


def images() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {song: random.integers(0, 256, (n, 3), dtype=np.uint8) for song, n in LENGTHS.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_two_shards(tmp_path)


def write_two_shards(folder: Path) -> Path:
    (folder / "shards").mkdir()
    lines = []
    for shard, songs in {"one": ["s1", "s2"], "two": ["s3", "s0"]}.items():
        write_shard(folder / "shards" / f"{shard}.npy", [images()[song] for song in songs], n_rows=3)
        first = 0
        for song in songs:
            lines.append((song, shard, first, LENGTHS[song]))
            first += LENGTHS[song]
    songs = pd.DataFrame(lines, columns=["song_id", "shard", "first_frame", "n_frames"])
    write_store(folder, FORMAT, songs)
    return folder


def test_every_image_comes_back_in_order_of_song_id(folder: Path) -> None:
    store = HyperImageStore.open(folder)
    assert store.songs["song_id"].tolist() == ["s0", "s1", "s2", "s3"]
    assert store.format == FORMAT
    for song, image in images().items():
        assert np.array_equal(store.image(song) * 255, image.T)
        assert store.image(song).dtype == np.float32


def test_a_song_shorter_than_the_window_is_repeated(folder: Path) -> None:
    store = HyperImageStore.open(folder)
    windows = store.windows([store.position("s1"), store.position("s2")], [5, 0], 10)
    assert np.array_equal(windows[0], images()["s1"][[5, 6, 0, 1, 2, 3, 4, 5, 6, 0]])
    assert np.array_equal(windows[1], images()["s2"][[0] * 10])


@given(data=st.data())
def test_windows_are_slices(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = HyperImageStore.open(write_two_shards(tmp_path_factory.mktemp("store")))
    picks = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 11)), max_size=8))
    songs = [song for song, _ in picks]
    lengths = [LENGTHS[store.songs["song_id"][song]] for song in songs]
    first = [frame % length for (_, frame), length in zip(picks, lengths, strict=True)]
    n_frames = data.draw(st.integers(1, 30))
    batch = copy.copy(store).windows(np.array(songs, int), np.array(first, int), n_frames)
    assert batch.shape == (len(songs), n_frames, 3)
    for window, song, start, length in zip(batch, songs, first, lengths, strict=True):
        frames = np.concatenate([np.arange(start, length), np.tile(np.arange(length), n_frames)])[:n_frames]
        assert np.array_equal(window, images()[store.songs["song_id"][song]][frames])


def test_rows_of_a_family(folder: Path) -> None:
    store = HyperImageStore.open(folder)
    assert store.row_slice(["b"]).tolist() == [1, 2]
    assert store.row_slice(["b", "a"]).tolist() == [0, 1, 2]
    with pytest.raises(UserError, match="'melody' is not in the hyper-image; it holds a, b"):
        store.row_slice(["melody"])


def test_more_shards_than_open_files(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    for n in range(300):
        write_shard(tmp_path / "shards" / f"{n}.npy", [np.full((2, 3), n % 256, np.uint8)], n_rows=3)
    table = {"song_id": [f"{n:03}" for n in range(300)], "shard": [str(n) for n in range(300)]}
    write_store(tmp_path, FORMAT, pd.DataFrame(table).assign(first_frame=0, n_frames=2))
    store = HyperImageStore.open(tmp_path)
    for _ in range(2):
        assert (store.windows(range(300), [1] * 300, 1)[:, 0, 0] == np.arange(300) % 256).all()
    assert len(store._shards) < 300


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda shard: shard.unlink(), "missing"),
        (lambda shard: shard.write_bytes(shard.read_bytes()[:-1]), "cut short"),
        (lambda shard: shard.write_bytes(shard.read_bytes()[:40]), "not a shard"),
        (lambda shard: shard.write_bytes(b""), "not a shard"),
        (lambda shard: shard.write_text("song_id,artist\n"), "not a shard"),
        (lambda shard: np.save(shard, np.zeros((17, 4), np.uint8)), "not a shard of this store"),
        (lambda shard: np.save(shard, np.zeros((17, 3), np.float32)), "not a shard of this store"),
        (lambda shard: np.save(shard, np.zeros((5, 3), np.uint8)), "it holds 5"),
    ],
)
def test_a_bad_shard_is_named(folder: Path, damage, words: str) -> None:
    damage(folder / "shards" / "two.npy")
    store = HyperImageStore.open(folder)
    assert store.image("s1").shape == (3, 7)
    with pytest.raises(UserError, match=rf"two\.npy: .*{words}"):
        store.image("s0")


def test_what_is_not_a_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rows\.json: not there"):
        HyperImageStore.open(tmp_path)
    (tmp_path / "rows.json").write_text('{"rows": 3}')
    with pytest.raises(UserError, match="not the rows of a hyper-image"):
        HyperImageStore.open(tmp_path)


def test_a_song_without_image_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match="no hyper-image of song 'nobody'"):
        HyperImageStore.open(folder).image("nobody")
