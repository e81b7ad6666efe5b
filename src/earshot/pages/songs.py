"""The songs that a report shows: which, what is said of them, and how they sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pandas as pd

from earshot.columns import ARTIST, SONG_ID, TITLE
from earshot.pages.render import data_uri
from earshot.pages.song_map import first_genre


@dataclass(frozen=True)
class ShownSong:
    """What the page says of a song; `title` is its id where it has none."""

    song_id: str
    title: str
    artist: str
    genre: str


@dataclass(frozen=True)
class Example:
    """A song with its picture (PNG) and its nearest neighbours with their cosines, nearest first."""

    song: ShownSong
    picture: bytes
    neighbours: Sequence[tuple[ShownSong, float]]


def in_order_of_need(examples: Sequence[Example]) -> list[str]:
    """Songs whose sound the page wants, the most wanted first: the examples, then all nearest, ..."""
    lists = [[example.song, *(song for song, _ in example.neighbours)] for example in examples]
    return [song.song_id for rank in zip_longest(*lists) for song in rank if song is not None]


def read_clips(folder: Path) -> dict[str, Path]:
    """song_id -> audio file, of clips.parquet and the clips beside it in `folder`, in its order."""
    table = pd.read_parquet(folder / "clips.parquet")
    files = (folder / name for name in table["clip"])
    return dict(zip(table[SONG_ID], files, strict=True))


def describe_songs(songs: pd.DataFrame) -> dict[str, ShownSong]:
    """song_id -> what the page says of it, from columns of songs.parquet."""
    titles, artists = songs[TITLE].fillna(""), songs[ARTIST].fillna("")
    return {
        song_id: ShownSong(song_id, title or song_id, artist, genre)
        for song_id, title, artist, genre in zip(
            songs[SONG_ID], titles, artists, first_genre(songs), strict=True
        )
    }


MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
}
"""What a browser plays; a clip of another kind stays silent."""

MAX_BYTES = 9_000_000
"""Of audio in one page (a third more as text)."""


def choose_sounds(
    clips: Mapping[str, Path], wanted: Iterable[str], most_bytes: int = MAX_BYTES
) -> dict[str, Path]:
    """The clips of `wanted` songs, first come first served, that browsers play and that fit into the page."""
    chosen: dict[str, Path] = {}
    left = most_bytes
    for song_id in wanted:
        clip = clips.get(song_id)
        if song_id in chosen or clip is None or clip.suffix.lower() not in MEDIA_TYPES:
            continue
        if (size := clip.stat().st_size) <= left:
            chosen[song_id] = clip
            left -= size
    return chosen


def sound_uris(sounds: Mapping[str, Path]) -> dict[str, str]:
    """song_id -> its clip as a `data:` URI."""
    return {
        song_id: data_uri(clip.read_bytes(), MEDIA_TYPES[clip.suffix.lower()])
        for song_id, clip in sounds.items()
    }
