"""The map of all songs: where each lies, what a tile of it holds, and what the places on it are called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.split import chosen
from earshot.columns import ARTIST, GENRES, N_LISTENERS, SONG_ID, TITLE
from earshot.errors import UserError
from earshot.evaluation.large_map import LANDMARKS, lay_out_many
from earshot.pages.song_map import COLOURS
from earshot.queries.state import ServedState

WORLD = 1 << 16
"""Positions on the map are whole numbers from 0 to 65,535, across and down."""
DEEPEST = 8
"""The last level of tiles: it has 256 x 256 of them, and thins none."""
MOST_IN_TILE = 512
NEW = 128
"""Added to the kind of a song that nobody has played."""

Rows = NDArray[np.int64]


class Kind(NamedTuple):
    """Songs of one colour: their first genre, or "" for those of rare genres and of none; how many."""

    genre: str
    songs: int


class Tile(NamedTuple):
    """What a tile shows, and of how many songs."""

    rows: Rows
    songs: int


@dataclass(frozen=True)
class _Places:
    """Songs along a curve that goes through the tiles of every level one after another (Morton, 1966)."""

    codes: NDArray[np.uint32]
    rows: Rows

    def within(self, level: int, x: int, y: int) -> Rows:
        """Rows of the songs in a tile."""
        bits = 32 - 2 * level  # below the digits that name the tile
        first = int(_morton(np.array([x]), np.array([y]))[0]) << bits
        start, end = np.searchsorted(self.codes, np.array([first, first + (1 << bits)], dtype=np.uint64))
        return self.rows[start:end]


@dataclass(frozen=True)
class SongMap:
    """The songs of a served state that are not withdrawn, in two dimensions.

    Attributes
    ----------
    rows
        (n,), of the songs among all that are served.
    places
        uint16 (n, 2), across and down.
    kinds
        uint8 (n,): place among `genres`; `NEW` is added for songs that nobody has played.
    genres
        The colours: the most frequent first genres, and last "" for the other songs.
    """

    rows: Rows
    places: NDArray[np.uint16]
    kinds: NDArray[np.uint8]
    genres: list[Kind]

    def tile(self, level: int, x: int, y: int, kind: int | None = None) -> Tile:
        """Places in `rows` of what a tile shows: its songs, or of too many a sample, `MOST_IN_TILE`.

        A song that is shown at a level is shown at the next ones too; at the `DEEPEST` all are.

        Parameters
        ----------
        level, x, y
            Of 2**level x 2**level tiles that across and that down.
        kind
            Songs of one colour; None: all.

        Raises
        ------
        UserError
            There is no such tile or colour.
        """
        if not 0 <= level <= DEEPEST or not 0 <= min(x, y) <= max(x, y) < 1 << level:
            raise UserError(f"tile {level}/{x}/{y}: wanted level 0 to {DEEPEST}, and x and y below 2**level")
        within = self._of_kind(kind).within(level, x, y)
        if len(within) <= MOST_IN_TILE or level == DEEPEST:
            return Tile(within, len(within))
        first = np.argpartition(self._turns[within], MOST_IN_TILE)[:MOST_IN_TILE]
        return Tile(within[np.sort(first)], len(within))

    def nearest(
        self, x: float, y: float, half_width: float, half_height: float, k: int, kind: int | None = None
    ) -> Tile:
        """The k songs nearest to the middle (x, y) of what is in view, nearest first, and how many are."""
        away = np.abs(self.places - np.array([x, y]))
        seen = (away[:, 0] <= half_width) & (away[:, 1] <= half_height)
        if kind is not None:
            self._of_kind(kind)
            seen &= self.kinds % NEW == kind
        found = np.flatnonzero(seen)
        squared = (away[found] ** 2).sum(axis=1)
        if len(found) > k:
            kept = np.argpartition(squared, k)[:k]
            return Tile(found[kept[np.argsort(squared[kept], kind="stable")]], len(found))
        return Tile(found[np.argsort(squared, kind="stable")], len(found))

    @property
    def any_new(self) -> bool:
        """Whether there are songs that nobody has played."""
        return bool((self.kinds & NEW).any())

    def load(self) -> None:
        """Make all that questions look at, once."""
        assert self._by_kind is not None
        assert self._turns is not None

    def place_of(self, row: int) -> int | None:
        """Where a served song stands in `rows`; None where it is withdrawn."""
        place = int(np.searchsorted(self.rows, row))
        return place if place < len(self.rows) and self.rows[place] == row else None

    def _of_kind(self, kind: int | None) -> _Places:
        if kind is None:
            return self._all
        if not 0 <= kind < len(self.genres):
            raise UserError(f"kind={kind}: wanted 0 to {len(self.genres) - 1}, a colour of the map")
        return self._by_kind[kind]

    @cached_property
    def _all(self) -> _Places:
        codes = _morton(*self.places.T)
        order = np.argsort(codes, kind="stable")
        return _Places(codes[order], order)

    @cached_property
    def _by_kind(self) -> list[_Places]:
        kinds = self.kinds[self._all.rows] % NEW
        there = [np.flatnonzero(kinds == kind) for kind in range(len(self.genres))]
        return [_Places(self._all.codes[some], self._all.rows[some]) for some in there]

    @cached_property
    def _turns(self) -> Rows:
        """(n,): in which order songs come onto the map where there is room for few; the same every time."""
        return np.random.default_rng(0).permutation(len(self.rows))


def _morton(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.uint32]:
    """The bits of x and y in turn, those of y first, so that tiles of every level stand together."""

    def spread(bits: NDArray[Any]) -> NDArray[np.uint32]:
        bits = bits.astype(np.uint32)
        for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
            bits = (bits | bits << np.uint32(shift)) & np.uint32(mask)
        return bits

    return spread(x) | spread(y) << np.uint32(1)


def listed_rows(served: ServedState) -> Rows:
    """Rows of the songs that are on the map."""
    return np.flatnonzero(served.is_listed)


def lay_out_served(served: ServedState, seed: int = 0) -> NDArray[np.uint16]:
    """Where the songs of `listed_rows` lie, uint16 (n, 2); `large_map` says how.

    As many as t-SNE takes are chosen by the hash of their ids: what is new moves few of them.
    """
    rows = listed_rows(served)
    if not len(rows):
        return np.empty((0, 2), np.uint16)
    ids = served.song_ids[rows].tolist()
    sample = chosen(ids, LANDMARKS, "map")
    standing = {song: place for place, song in enumerate(ids)}
    landmarks = np.sort([standing[song] for song in sample])
    per_cent = lay_out_many(served.vectors("item_factors.npy")[rows], landmarks, seed)
    return (per_cent / 100 * (WORLD - 1)).round().astype(np.uint16)


def make_map(served: ServedState, places: NDArray[np.uint16]) -> SongMap:
    """The map of what is served, of the `places` that `lay_out_served` gave its songs, (n_listed, 2)."""
    rows = listed_rows(served)
    first = [genres.partition(";")[0].strip() for genres in served.columns[GENRES][rows]]
    counted = Counter(genre for genre in first if genre)
    coloured = sorted(counted, key=lambda genre: (-counted[genre], genre))[:COLOURS]
    number = {genre: kind for kind, genre in enumerate(coloured)}
    kinds = np.array([number.get(genre, len(coloured)) for genre in first], dtype=np.uint8)
    genres = [Kind(genre, counted[genre]) for genre in coloured]
    genres.append(Kind("", len(rows) - sum(kind.songs for kind in genres)))
    return SongMap(rows, places, kinds + np.uint8(NEW) * served.is_new[rows].astype(np.uint8), genres)


def told(served: ServedState, row: int) -> dict[str, Any]:
    """song_id, title, artist, genres (`""` where nothing is known) and n_listeners of a served song."""
    texts = {name: served.columns[name][row] for name in (TITLE, ARTIST, GENRES)}
    return {SONG_ID: served.song_ids[row], **texts, N_LISTENERS: int(served.columns[N_LISTENERS][row])}
