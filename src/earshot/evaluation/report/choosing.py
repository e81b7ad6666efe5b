"""Which songs the report shows: by a hash of their ids, so that nobody picks those that look well."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from earshot.columns import ARTIST, SONG_ID, TITLE
from earshot.evaluation.report.song_map import first_genre
from earshot.evaluation.report.songs import Song
from earshot.plays.split import chosen


def read_clips(training_set: Path) -> dict[str, Path]:
    """song_id -> audio file of the clips that came with the training set, in its order."""
    table = pd.read_parquet(training_set / "clips" / "clips.parquet")
    files = (training_set / "clips" / name for name in table["clip"])
    return dict(zip(table[SONG_ID], files, strict=True))


def songs_to_draw(song_ids: Iterable[str], always: Iterable[str], most: int) -> list[str]:
    """`most` songs of `song_ids` by hash, and those of `always`; sorted."""
    return sorted({*chosen(song_ids, most, "map"), *always})


def describe_songs(songs: pd.DataFrame) -> dict[str, Song]:
    """song_id -> what the page says of it, from columns of songs.parquet."""
    titles, artists = songs[TITLE].fillna(""), songs[ARTIST].fillna("")
    return {
        song_id: Song(song_id, title or song_id, artist, genre)
        for song_id, title, artist, genre in zip(
            songs[SONG_ID], titles, artists, first_genre(songs), strict=True
        )
    }
