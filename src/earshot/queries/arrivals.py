"""Songs that nobody has played yet, by delivery: what they are like, who would like them, how sure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among
from earshot.columns import ARTIST, DELIVERY, GENRES, HEARD, N_LISTENERS, NOTE, SONG_ID, TITLE
from earshot.deliveries.arrivals import arriving, read_arrivals
from earshot.deliveries.index import read_lines
from earshot.errors import UserError
from earshot.queries.answers import named, note_of
from earshot.queries.screening import Asked
from earshot.queries.state import ServedState
from earshot.recommend.similar import unit

ALIKE = 0.7
"""Cosine from which on a song counts as like another. In the embedded catalogue half of the songs have 24."""
_NEIGHBOURS = 3
_GENRES = 3
"""That are told of an audience."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Audience:
    """The listeners in whose lists a song is, or would be: its score is at least that of the last place.

    Attributes
    ----------
    listeners, of
        How many, and of how many.
    fans
        Of these, those who have played the song's artist.
    genres
        What they play: the genre of which each has played most songs, and for how many it is that; the three
        most frequent.
    """

    listeners: int
    of: int
    fans: int
    genres: list[tuple[str, int]]


@dataclass(frozen=True)
class NewSong:
    """A song that nobody has played.

    Attributes
    ----------
    title, artist
        Null where no delivery gave them.
    neighbours
        The nearest songs that somebody has played, by sound alone of all: song_id, title, artist, cosine.
    alike
        Songs that the model was trained on, by sound alone all others, that are like it (`ALIKE`).
    note
        `unlike anything trained on`, or empty.
    audience
        None where nobody asked for it.
    """

    song_id: str
    title: str | None
    artist: str | None
    genres: str
    delivery: str
    neighbours: list[dict[str, Any]]
    alike: int
    note: str
    audience: Audience | None


@dataclass(frozen=True)
class Arrived:
    """A delivery with songs that nobody has played: when it arrived, if that was noted, and their rows."""

    name: str
    day: date | None
    rows: Rows


@dataclass(frozen=True)
class ArrivedSongs:
    """What is new in a served state, to be kept where many questions come."""

    served: ServedState

    @cached_property
    def deliveries(self) -> list[Arrived]:
        """Those that brought a new song, the newest first; its songs by artist and title."""
        served, rows = self.served, self.served.new_songs.rows
        brought = served.recordings[DELIVERY].reindex(served.song_ids[rows]).fillna("").to_numpy(dtype=object)
        root = served.root / "data" / "deliveries"
        order = {line.name: n for n, line in enumerate(read_lines(root))}
        days = days_of(served)
        names = sorted(set(brought), key=lambda name: (order.get(name, -1), name), reverse=True)
        return [Arrived(name, days.get(name), self._sorted(rows[brought == name])) for name in names]

    def _sorted(self, rows: Rows) -> Rows:
        artists, titles = (self.served.columns[name][rows] for name in (ARTIST, TITLE))
        return rows[np.lexsort((titles.astype(str), artists.astype(str)))]

    def rows_of(self, delivery: str | None) -> Rows:
        """New songs of one delivery, or of all. Raises UserError for one that brought none."""
        found = [each.rows for each in self.deliveries if delivery in (None, each.name)]
        if delivery is not None and not found:
            raise UserError(
                f"delivery {delivery!r}: brought no song that is served and that nobody has played"
            )
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def describe(self, rows: Rows, audience: bool = True) -> list[NewSong]:
        """Some of them, in their order; with who would like them, or without."""
        if not len(rows):
            return []
        served = self.served
        audiences = self.audiences(rows) if audience and not served.by_sound else [None] * len(rows)
        delivered = served.recordings[DELIVERY]
        return [
            NewSong(
                song_id=str(served.song_ids[row]),
                title=served.columns[TITLE][row] or None,
                artist=served.columns[ARTIST][row] or None,
                genres=served.columns[GENRES][row],
                delivery=str(delivered.get(served.song_ids[row], "")),
                neighbours=neighbours,
                alike=alike,
                note=note_of(served, row),
                audience=those,
            )
            for row, neighbours, alike, those in zip(
                rows.tolist(), self._neighbours(rows), self.alike(rows), audiences, strict=True
            )
        ]

    def _neighbours(self, rows: Rows) -> list[list[dict[str, Any]]]:
        served = self.served
        known = served.is_listed & served.columns[HEARD]
        if not served.by_sound:
            known &= served.columns[N_LISTENERS] > 0
        vectors, unknown = unit(served.vectors("item_factors.npy")[rows]), np.flatnonzero(~known)
        found = served.directions.best(
            [
                Asked(vector, np.union1d(unknown, [row]), _NEIGHBOURS)
                for row, vector in zip(rows.tolist(), vectors, strict=True)
            ]
        )
        return [
            [
                {**named(served, row), "cosine": float(cosine)}
                for row, cosine in zip(each.items.tolist(), each.scores, strict=True)
            ]
            for each in found
        ]

    def alike(self, rows: Rows) -> list[int]:
        """How many of the songs that the model was trained on are like each of some songs.

        By sound alone it is of all songs but the song itself.
        """
        vectors = self.served.directions.vectors
        near = vectors[rows] @ vectors[self._trained].T >= ALIKE  # (n_rows, n_trained)
        near &= rows[:, None] != self._trained
        return [int(n) for n in near.sum(axis=1)]

    @cached_property
    def _trained(self) -> Rows:
        if self.served.by_sound:
            return np.flatnonzero(self.served.is_listed)
        return np.flatnonzero(is_among(self.served.song_ids, self.served.space.training_songs().ids))

    def audiences(self, rows: Rows) -> list[Audience]:
        """Who would like each of some songs."""
        return [
            self._audience(row, liked) for row, liked in zip(rows, would_like(self.served, rows), strict=True)
        ]

    def _audience(self, row: int, liked: NDArray[np.bool_]) -> Audience:
        """`liked`, (n_users,)."""
        served = self.served
        fans = np.zeros_like(liked)
        for song in np.flatnonzero(served.artists == served.artists[row]):
            fans[served.listeners_of(served.song_ids[song])] = True
        names, most_played = self._genres
        counts = np.bincount(most_played[liked & (most_played >= 0)], minlength=len(names))
        best = np.argsort(-counts, kind="stable")[:_GENRES]
        told = [(names[genre], int(counts[genre])) for genre in best if counts[genre]]
        return Audience(int(liked.sum()), len(liked), int((liked & fans).sum()), told)

    @cached_property
    def _genres(self) -> tuple[list[str], NDArray[np.int64]]:
        """Names of genres, and which of them each listener plays most, (n_users,); -1: none."""
        from scipy.sparse import csr_array

        found = list(self.served.by_genre.values())
        songs = np.concatenate([rows for _, rows in found] or [np.empty(0, np.int64)])
        genres = np.repeat(np.arange(len(found)), [len(rows) for _, rows in found])
        shape = (len(self.served.song_ids), len(found))
        of_songs = csr_array((np.ones(len(songs), np.int32), (songs, genres)), shape=shape)
        counts = csr_array(self.served.plays @ of_songs)  # (n_users, n_genres): songs played of each
        counts.sort_indices()
        return [name for name, _ in found], _largest(counts.indptr, counts.indices, counts.data)


def would_like(served: ServedState, rows: Rows) -> NDArray[np.bool_]:
    """Who has a score for each of some songs that is at least that of the last place of his or her list.

    Nobody who wants the song in no list.

    Scores as those of the lists: rounded from float64 where float32 leaves it open.

    Returns
    -------
    (n_songs, n_users); nobody without a list
    """
    songs, users = served.vectors("item_factors.npy")[rows], served.everybody.vectors
    scores, last = songs @ users.T, served.last_scores
    # the bound on the rounding of a product of d terms, as in `earshot.queries.screening`
    off = (
        2
        * songs.shape[1]
        * 2.0**-24
        * np.linalg.norm(songs, axis=1)
        * np.linalg.norm(users, axis=1).max(initial=0)
    )
    song, user = np.nonzero(np.abs(scores - last) <= 2 * off[:, None])
    exact = np.einsum("nd,nd->n", songs[song].astype(np.float64), users[user].astype(np.float64))
    scores[song, user] = exact
    liked: NDArray[np.bool_] = scores >= last
    for row, likes in zip(rows, liked, strict=True):
        likes[served.words.without(str(served.song_ids[row]))] = False
    return liked


def _largest(starts: NDArray[Any], columns: NDArray[Any], values: NDArray[Any]) -> NDArray[np.int64]:
    """Column of the largest value in every row of a CSR matrix, the first of several; -1 in an empty one."""
    largest = np.full(len(starts) - 1, -1)
    filled = np.flatnonzero(np.diff(starts))
    most = np.maximum.reduceat(values, starts[filled]) if len(filled) else values
    row = np.repeat(np.arange(len(filled)), np.diff(starts)[filled])  # of every entry, among those filled
    best = np.flatnonzero(values == most[row])[::-1]  # backwards: what is written last is the first
    largest[filled[row[best]]] = columns[best]
    return largest


def days_of(served: ServedState) -> dict[str, date]:
    """When deliveries arrived (UTC), of those of which it was noted."""
    noted = {each.delivery: each.arrived for each in read_arrivals(served.root)} | arriving(served.root)
    return {name: datetime.fromtimestamp(arrived, UTC).date() for name, arrived in noted.items()}


def as_rows(songs: Iterable[NewSong]) -> list[dict[str, Any]]:
    """A flat row each, for tables: lists as texts, parted by `;`."""
    return [_as_row(song) for song in songs]


def _as_row(song: NewSong) -> dict[str, Any]:
    row = {
        SONG_ID: song.song_id,
        TITLE: song.title,
        ARTIST: song.artist,
        GENRES: song.genres,
        DELIVERY: song.delivery,
        "nearest": ";".join(each[SONG_ID] for each in song.neighbours),
        "songs_like_it_in_training": song.alike,
        NOTE: song.note,
    }
    if song.audience is None:
        return row
    return row | {
        "would_like": song.audience.listeners,
        "fans": song.audience.fans,
        "not_fans": song.audience.listeners - song.audience.fans,
        "their_genres": ";".join(name for name, _ in song.audience.genres),
    }
