"""The songs that are served as a collection: by artist and by album."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import (
    ALBUM,
    ARTIST,
    ARTIST_ID,
    AUDIO,
    DELIVERY,
    GENRES,
    N_LISTENERS,
    PATH,
    RECORDING_MBID,
    SECONDS,
    SONG_ID,
    TITLE,
    TRACK,
    YEAR,
)
from earshot.datasets.importing.names import match_key
from earshot.queries.arrivals import days_of
from earshot.queries.state import ServedState

if TYPE_CHECKING:
    import pandas as pd

NO_ALBUM = "[no album]"
"""Name of the album that songs are in of which no delivery names one, one for each artist."""

_TEXTS = (ALBUM, TRACK, YEAR, RECORDING_MBID, PATH, AUDIO, DELIVERY)


@dataclass(frozen=True)
class LibrarySong:
    """A song as deliveries tell of it; `""` or None where they say nothing."""

    song_id: str
    title: str
    artist: str
    artist_id: str | None
    album: str
    album_id: str
    track: int | None
    year: int | None
    genres: tuple[str, ...]
    recording_mbid: str
    path: str
    audio: str
    seconds: float | None
    n_listeners: int
    day: date | None


@dataclass(frozen=True)
class Group:
    """An artist, or an album.

    Attributes
    ----------
    id
        Made of its names: the same after every delivery.
    name
        Of the album, or of the artist.
    songs
        Rows in the `Library`; those of an album in the order of its tracks.
    """

    id: str
    name: str
    songs: NDArray[np.int64]


@dataclass(frozen=True)
class Library:
    """What a served state has, but for withdrawn songs; to be kept where many questions come.

    Attributes
    ----------
    table
        A line a song, those of `ServedState.search_index`, with the columns of `LibrarySong`.
    days
        When deliveries arrived.
    """

    table: pd.DataFrame
    days: dict[str, date]

    @classmethod
    def of(cls, served: ServedState) -> Library:
        """Of what is served. Raises UserError where a file is lost."""
        known = served.table("raw_audio", "songs.parquet").set_index(SONG_ID)
        songs = served.search_index.songs
        more = known.reindex(index=songs[SONG_ID], columns=[*_TEXTS, SECONDS]).reset_index(drop=True)
        texts = {name: more[name].astype(object).fillna("") for name in _TEXTS}
        table = songs.reset_index(drop=True).assign(**texts, **{SECONDS: more[SECONDS]})
        found = cls(table, days_of(served))
        for made in ("albums", "_rows", "_albums_by_id", "_artists_by_id"):  # once, for all questions
            getattr(found, made)
        return found

    def __len__(self) -> int:
        return len(self.table)

    def row(self, song: str) -> int | None:
        """Where a song stands; None for one that is not there."""
        return self._rows.get(song)

    def song(self, row: int) -> LibrarySong:
        """The song of a row."""
        at = {name: column[row] for name, column in self._columns.items()}
        artist, seconds = int(self._artist_of[row]), float(at[SECONDS])
        return LibrarySong(
            song_id=at[SONG_ID],
            title=at[TITLE],
            artist=at[ARTIST],
            artist_id=None if artist < 0 else self.artists[artist].id,
            album=at[ALBUM],
            album_id=self.albums[int(self._album_of[row])].id,
            track=_number(at[TRACK]),
            year=_number(at[YEAR]),
            genres=tuple(filter(None, map(str.strip, at[GENRES].split(";")))),
            recording_mbid=at[RECORDING_MBID],
            path=at[PATH],
            audio=at[AUDIO],
            seconds=None if np.isnan(seconds) else seconds,
            n_listeners=int(at[N_LISTENERS]),
            day=self.days.get(at[DELIVERY]),
        )

    def artist(self, of: str) -> Group | None:
        """The artist with an id."""
        return self._artists_by_id.get(of)

    def album(self, of: str) -> Group | None:
        """The album with an id."""
        return self._albums_by_id.get(of)

    def albums_of(self, artist: Group) -> list[Group]:
        """Of an artist, by name."""
        return [self.albums[place] for place in np.unique(self._album_of[artist.songs])]

    def most_heard(self, rows: NDArray[np.int64], k: int) -> list[int]:
        """The k of some songs, `(n,)` rows, with most listeners."""
        listeners = self._columns[N_LISTENERS][rows]
        best: list[int] = rows[np.argsort(-listeners, kind="stable")][:k].tolist()
        return best

    @cached_property
    def artists(self) -> list[Group]:
        """By name; songs of which nobody names an artist are of none."""
        return self._artist_groups[0]

    @cached_property
    def albums(self) -> list[Group]:
        """By name, and by artist where these are the same."""
        return self._album_groups[0]

    @cached_property
    def n_listeners(self) -> NDArray[np.int64]:
        """(n_songs,)."""
        found: NDArray[np.int64] = self._columns[N_LISTENERS]
        return found

    @cached_property
    def _columns(self) -> dict[str, NDArray[Any]]:
        return {str(name): self.table[name].to_numpy() for name in self.table}

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {song: row for row, song in enumerate(self._columns[SONG_ID].tolist())}

    @cached_property
    def _artist_groups(self) -> tuple[list[Group], NDArray[np.int64]]:
        names = self._columns[ARTIST].tolist()
        ids = self._columns[ARTIST_ID].tolist()
        keys = [given or match_key(name) for given, name in zip(ids, names, strict=True)]
        return _grouped("ar-", keys, names, [match_key(name) for name in names], np.arange(len(keys)))

    @cached_property
    def _album_groups(self) -> tuple[list[Group], NDArray[np.int64]]:
        names = [name or NO_ALBUM for name in self._columns[ALBUM].tolist()]
        artists = self._artist_of.tolist()
        keys = [
            f"{self.artists[artist].id if artist >= 0 else ''}/{match_key(name) or name}"
            for artist, name in zip(artists, names, strict=True)
        ]
        sorting = [f"{match_key(name)}\0{artist:09d}" for artist, name in zip(artists, names, strict=True)]
        tracks = [_number(track) or 0 for track in self._columns[TRACK].tolist()]
        order = np.lexsort((self._columns[PATH].astype(str), np.array(tracks)))
        return _grouped("al-", keys, names, sorting, order)

    @cached_property
    def _artist_of(self) -> NDArray[np.int64]:
        """(n_songs,): where a song's artist stands in `artists`; -1 of none."""
        return self._artist_groups[1]

    @cached_property
    def _album_of(self) -> NDArray[np.int64]:
        return self._album_groups[1]

    @cached_property
    def _artists_by_id(self) -> dict[str, Group]:
        return {group.id: group for group in self.artists}

    @cached_property
    def _albums_by_id(self) -> dict[str, Group]:
        return {group.id: group for group in self.albums}


def _grouped(
    prefix: str, keys: Sequence[str], names: Sequence[str], sorting: Sequence[str], order: NDArray[np.int64]
) -> tuple[list[Group], NDArray[np.int64]]:
    """Songs with the same of `keys`, by the `sorting` of their first song; `""` is of no group.

    `order` says in which order rows stand in a group. Returns, beside them, in which each song is, or -1.
    """
    rows: dict[str, list[int]] = {}
    for row in order.tolist():
        if keys[row]:
            rows.setdefault(keys[row], []).append(row)
    found = sorted(rows, key=lambda key: (sorting[rows[key][0]], key))
    groups = [
        Group(
            prefix + blake2b(key.encode(), digest_size=8).hexdigest(), names[rows[key][0]], _array(rows[key])
        )
        for key in found
    ]
    places = np.full(len(keys), -1)
    for place, group in enumerate(groups):
        places[group.songs] = place
    return groups, places


def _array(rows: list[int]) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64)


def _number(text: str) -> int | None:
    """The number that a text begins with: `3`, `3/12`, `1999`.

    >>> _number("3/12"), _number("A1"), _number("")
    (3, None, None)
    """
    digits = text.partition("/")[0].partition(".")[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 9 else None
