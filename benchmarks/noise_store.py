"""A store of hyper-images of noise: what the values are makes no difference to who reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from earshot.classes import Component
from earshot.features.hyper_image import format_of
from earshot.params import HyperImages
from earshot.store.reader import HyperImageStore, write_store
from earshot.store.shards import write_shard

SONG_SECONDS = 30.0
SOUND = Component("earshot.encoders.convolutional:ConvolutionalEncoder", {"families": ["mel"]})
"""An encoder that hears nothing beside the images, as these songs have no artist."""


def write_noise_store(folder: Path, n_songs: int, settings: HyperImages) -> HyperImageStore:
    """Songs of 30 s in shards of `settings.shard_songs`, written as the stage hyper_images writes them."""
    (folder / "shards").mkdir()
    image_format = format_of(settings)
    n_frames = round(SONG_SECONDS * image_format.frames_per_second)
    draw = np.random.default_rng(0)
    for first in range(0, n_songs, settings.shard_songs):
        shape = (min(settings.shard_songs, n_songs - first), n_frames, len(image_format.rows))
        images = draw.integers(0, 256, shape, dtype=np.uint8)
        write_shard(folder / "shards" / f"{first}.npy", list(images), shape[2])
    write_store(folder, image_format, _index(n_songs, n_frames, settings.shard_songs))
    return HyperImageStore.open(folder)


def _index(n_songs: int, n_frames: int, shard_songs: int) -> pd.DataFrame:
    songs = np.arange(n_songs)
    return pd.DataFrame(
        {
            "song_id": [f"song-{song:06d}" for song in songs],
            "shard": (songs // shard_songs * shard_songs).astype(str),
            "first_frame": songs % shard_songs * n_frames,
            "n_frames": n_frames,
        }
    )
