"""What a system knows of the small catalogue of `tests.training.heard`, and what it may not know."""

from pathlib import Path

import numpy as np
import pandas as pd

from earshot.baselines.known import Known, read_known
from earshot.files import write_table
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.rows import ImageFormat, Row
from earshot.store.shards import write_shard
from tests.training.heard import N_SONGS, write_training_set

COLD = np.arange(N_SONGS) % 4 == 0
N_WORDS = 20


def write_known(folder: Path) -> Path:
    """A training set and factors of its warm songs, two rows of their images, in another order."""
    write_training_set(folder / "training_set")
    songs = pd.read_parquet(folder / "training_set" / "songs.parquet")
    songs["genres"] = [("Dub", "folk; Deep House", "")[n % 3] for n in range(N_SONGS)]
    songs["n_listeners"] = 7
    songs.to_parquet(folder / "training_set" / "songs.parquet")
    (folder / "wmf").mkdir()
    write_table(folder / "wmf" / "items.parquet", songs[["song_id"]][~COLD].iloc[::-1])
    np.save(folder / "wmf" / "item_factors.npy", heard(folder)[~COLD][::-1])
    return folder


def heard(folder: Path) -> np.ndarray:
    """The mean of two rows of each song, float32 (n, 2)."""
    store = HyperImageStore.open(folder / "training_set" / "hyper_images")
    rows = [store.image(song)[[1, 3]].mean(axis=1) for song in store.songs["song_id"]]
    return np.array(rows, dtype=np.float32)


def known_of(folder: Path, seed: int = 0) -> Known:
    return read_known(folder / "training_set", folder / "wmf", seed, N_WORDS)


def change_cold_songs(folder: Path) -> None:
    """Other plays of the cold songs, more of them, and more of their listeners."""
    training_set = folder / "training_set"
    plays = pd.read_parquet(training_set / "plays.parquet")
    users = plays["user"].max() + 1
    warm = plays[~COLD[plays["item"]]]
    every = pd.MultiIndex.from_product([range(users), np.flatnonzero(COLD)], names=["user", "item"])
    plays = pd.concat([warm, every.to_frame(index=False).assign(play_count=99)]).sort_values(["user", "item"])
    plays.astype({"user": np.int32, "item": np.int32}).to_parquet(training_set / "plays.parquet")
    songs = pd.read_parquet(training_set / "songs.parquet")
    songs.loc[COLD, "n_listeners"] = users
    songs.to_parquet(training_set / "songs.parquet")


def write_images(folder: Path, images: np.ndarray, families: list[str]) -> HyperImageStore:
    """A store of `images`, uint8 (n, n_frames, n_rows), 43 frames a second."""
    (folder / "shards").mkdir(parents=True)
    n, n_frames, n_rows = images.shape
    write_shard(folder / "shards" / "all.npy", list(images), n_rows)
    rows = tuple(Row(f"{family}_{row}", family, 0.0, 1.0) for row, family in enumerate(families))
    index = {"song_id": [f"song-{n:03}" for n in range(n)], "shard": "all", "n_frames": n_frames}
    songs = pd.DataFrame(index).assign(first_frame=n_frames * np.arange(n))
    write_store(folder, ImageFormat("a-key", 22016, 512, rows), songs)
    return HyperImageStore.open(folder)
