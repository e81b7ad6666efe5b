"""What each delivery brought: the songs whose sound today came with it, and how many files were of no use."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from earshot.audio.store import newer_images
from earshot.columns import ARTIST_ID, AUDIO_MD5, DELIVERY, FIRST_FRAME, SHARD, SONG_ID
from earshot.ids import is_among

if TYPE_CHECKING:
    import pandas as pd

NEW = "new"


class FileCount(NamedTuple):
    """How many files there were, and how many of them were set aside."""

    all: int
    bad: int


def delivered_songs(raw_audio: Path, images: Path, trained: Path) -> pd.DataFrame:
    """The songs of the store `images`, each under the delivery that brought its sound, in order of arrival.

    Returns
    -------
    delivery, song_id, artist_id, shard, first_frame, and new: whether the store `trained` lacks that image.
    """
    import pandas as pd

    files = pd.read_parquet(raw_audio / "files.parquet", columns=[DELIVERY, SONG_ID, AUDIO_MD5])
    said = pd.read_parquet(raw_audio / "songs.parquet", columns=[SONG_ID, ARTIST_ID, AUDIO_MD5])
    index = pd.read_parquet(images / "index.parquet", columns=[SONG_ID, SHARD, FIRST_FRAME])
    songs = files.merge(said, on=[SONG_ID, AUDIO_MD5]).merge(index, on=SONG_ID).drop(columns=AUDIO_MD5)
    return songs.assign(**{NEW: is_among(songs[SONG_ID], newer_images(images, trained))})


def delivered_files(raw_audio: Path, images: Path) -> dict[str, FileCount]:
    """By delivery, its files; bad ones were set aside by one stage or the other."""
    good, undecoded, failed = (
        Counter(_deliveries(path))
        for path in (
            raw_audio / "files.parquet",
            raw_audio / "set_aside.parquet",
            images / "set_aside.parquet",
        )
    )
    return {name: FileCount(n + undecoded[name], undecoded[name] + failed[name]) for name, n in good.items()}


def _deliveries(path: Path) -> list[str]:
    import pandas as pd

    return pd.read_parquet(path, columns=[DELIVERY])[DELIVERY].tolist()
