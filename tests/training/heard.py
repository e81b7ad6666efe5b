"""A small catalogue whose taste can be heard, as the stages before a training leave it."""

from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from earshot.catalogue.play_counts import write_play_counts
from earshot.classes import Component
from earshot.files import write_table
from earshot.params import CnnCheckpoint
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.rows import ImageFormat, Row
from earshot.store.shards import write_shard
from earshot.training.examples import Examples

N_SONGS = 60
N_USERS = 80
FAMILIES = ("chroma", "mel", "mel", "mfcc", "mfcc", "mfcc_delta", "mfcc_delta2")


def cnn_params(**changed: object) -> CnnCheckpoint:
    """A training of a second."""
    settings = {
        "encoder": Component(
            "earshot.encoders.convolutional:ConvolutionalEncoder",
            {"channels": 8, "hidden": 8, "families": ["mel", "mfcc"]},
        ),
        "objective": Component("earshot.training.objectives.factors_mse:FactorsMse", {}),
        "window_seconds": 0.25,
        "batch_size": 16,
        "windows_per_song": 4,
        "max_epochs": 12,
        "patience": 4,
        "learning_rate": 0.01,
        "weight_decay": 0.0001,
        "ema_decay": 0.9,
    }
    return CnnCheckpoint(**{**settings, **changed})


def write_training_set(folder: Path) -> None:
    """Songs of 5 to 60 frames, one in four cold; a listener plays what two rows of the image tell."""
    draw = np.random.default_rng(0)
    traits = draw.normal(size=(N_SONGS, 2))
    song_ids = np.array([f"song-{n:02d}" for n in range(N_SONGS)], dtype=object)
    _write_images(folder / "hyper_images", song_ids, traits, draw)
    tastes = draw.normal(size=(N_USERS, 2))
    liked = tastes @ traits.T + draw.normal(size=(N_USERS, N_SONGS)) > 1
    liked[0] = True
    users, items = np.nonzero(liked)
    plays = pd.DataFrame({"user": users, "item": items, "play_count": draw.integers(1, 9, len(users))})
    user_ids = np.array([f"listener-{n:02d}" for n in range(N_USERS)], dtype=object)
    write_play_counts(folder, user_ids, song_ids, plays)
    _write_songs(folder, song_ids, liked.sum(axis=0))


def _write_images(folder: Path, song_ids: np.ndarray, traits: np.ndarray, draw: np.random.Generator) -> None:
    (folder / "shards").mkdir(parents=True)
    lengths = draw.integers(5, 60, N_SONGS)
    images = [draw.normal(128, 20, (n_frames, len(FAMILIES))) for n_frames in lengths]
    for image, trait in zip(images, traits, strict=True):
        image[:, [1, 3]] += 40 * trait
    write_shard(
        folder / "shards" / "all.npy",
        [image.clip(0, 255).astype(np.uint8) for image in images],
        len(FAMILIES),
    )
    rows = tuple(Row(f"{family}_{n}", family, 0.0, 1.0) for n, family in enumerate(FAMILIES))
    first_frames = np.cumsum(lengths) - lengths
    index = {"song_id": song_ids, "shard": "all", "first_frame": first_frames, "n_frames": lengths}
    write_store(folder, ImageFormat("a-key", 22050, 512, rows), pd.DataFrame(index))


def _write_songs(folder: Path, song_ids: np.ndarray, n_listeners: np.ndarray) -> None:
    cold = np.arange(N_SONGS) % 4 == 0
    songs = pd.DataFrame({"song_id": song_ids, "title": "A Title", "artist": "An Artist", "cold": cold})
    songs["artist_id"] = [f"artist-{n // 2:02d}" for n in range(N_SONGS)]
    songs["n_listeners"] = n_listeners
    songs["validation"] = ~cold & (np.arange(N_SONGS) % 5 == 1)
    write_table(folder / "songs.parquet", songs)
    (folder / "clips").mkdir()
    soundfile.write(folder / "clips" / "0.wav", np.sin(np.arange(8000) / 9), 8000)
    soundfile.write(folder / "clips" / "1.wav", np.sin(np.arange(8000) / 7), 8000)
    clips = {"song_id": song_ids[:2], "clip": ["0.wav", "1.wav"], "source": ["open", "secret"]}
    write_table(folder / "clips" / "clips.parquet", pd.DataFrame(clips))


def read_heard(folder: Path) -> tuple[HyperImageStore, Examples]:
    """The store, and its songs with the two audible traits as their factors; the last 15 for validation."""
    store = HyperImageStore.open(folder / "hyper_images")
    traits = [store.image(song)[[1, 3]].mean(axis=1) for song in store.songs["song_id"]]
    factors = np.array(traits, dtype=np.float32)
    return store, Examples(store.songs, factors, np.arange(N_SONGS), n_training=N_SONGS - 15)
