"""A small catalogue whose tags can be heard, as `raw_audio` and `hyper_images` leave it."""

from pathlib import Path

import numpy as np
import pandas as pd

from earshot.classes import Component
from earshot.files import write_table
from tests.training.heard import N_SONGS, write_training_set

TAGS = ("loud", "bright", "rare")


def write_tagged(folder: Path, **columns: object) -> tuple[Path, Path]:
    """`raw_audio` and `hyper_images` below `folder`: 60 songs, three an artist, tagged by two of their rows.

    `columns` replace those of songs.parquet.
    """
    write_training_set(folder)
    songs = pd.read_parquet(folder / "songs.parquet")[["song_id"]]
    draw = np.random.default_rng(0)
    traits = draw.normal(size=(N_SONGS, 2))  # the first that write_training_set draws
    said = [
        [*np.array(TAGS[:2])[some > 0], *(["rare"] if n in (1, 30) else [])] for n, some in enumerate(traits)
    ]
    table = songs.assign(
        artist_id=[f"artist-{n // 3:02d}" for n in range(N_SONGS)],
        artist="An Artist",
        title="A Title",
        tags=[";".join(some) for some in said],
        genres="pop",
        withdrawn=False,
        version_of="",
        audio_md5=[f"md5-{n}" for n in range(N_SONGS)],
    ).assign(**columns)
    (folder / "raw_audio").mkdir()
    write_table(folder / "raw_audio" / "songs.parquet", table)
    write_table(folder / "raw_audio" / "files.parquet", table[["song_id", "audio_md5"]])
    return folder / "raw_audio", folder / "hyper_images"


ENCODER = Component(
    "earshot.encoders.convolutional:ConvolutionalEncoder",
    {"channels": 8, "hidden": 8, "families": ["mel", "mfcc"]},
)
