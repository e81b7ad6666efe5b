"""Which songs the report shows: by a hash of their ids, so that nobody picks the ones that look well."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import pandas as pd

from earshot.columns import ARTIST, SONG_ID, TITLE
from earshot.evaluation.report.song_map import first_genre
from earshot.evaluation.report.songs import Song


def in_hash_order(song_ids: Iterable[str]) -> list[str]:
    """An order that has nothing to do with the songs, and stays when others come."""
    return sorted(song_ids, key=lambda song_id: blake2b(song_id.encode(), digest_size=8).digest())


def read_clips(training_set: Path) -> dict[str, Path]:
    """song_id -> audio file of the clips that came with the training set, in hash order."""
    table = pd.read_parquet(training_set / "clips" / "clips.parquet").set_index(SONG_ID)["clip"]
    return {song_id: training_set / "clips" / table[song_id] for song_id in in_hash_order(table.index)}


def songs_to_draw(song_ids: Iterable[str], always: Iterable[str], most: int) -> list[str]:
    """`most` songs of `song_ids` by hash, and those of `always`; sorted."""
    return sorted({*in_hash_order(song_ids)[:most], *always})


def describe_songs(songs: pd.DataFrame) -> dict[str, Song]:
    """song_id -> what the page says of it, from columns of songs.parquet."""
    titles, artists = songs[TITLE].fillna(""), songs[ARTIST].fillna("")
    return {
        song_id: Song(song_id, title or song_id, artist, genre)
        for song_id, title, artist, genre in zip(
            songs[SONG_ID], titles, artists, first_genre(songs), strict=True
        )
    }
