"""The songs that a list is made of, and the best of them for a listener."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.queries.index import Index, ranker
from earshot.queries.screening import Asked, Screen
from earshot.recommend.ranking import ArtistCap, Ranked

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Wanted:
    """A list for one listener.

    Attributes
    ----------
    vector
        (d,), the listener's.
    played
        Rows of songs that are left out, `(n,)`.
    allowed
        (n_songs,), where not every song will do; others are left out too.
    k, max_per_artist
        Its length, and songs of an artist in it.
    """

    vector: NDArray[np.floating[Any]]
    played: Rows
    k: int
    allowed: NDArray[np.bool_] | None = None
    max_per_artist: int | None = None


@dataclass(frozen=True)
class Choice:
    """Some of the songs that are served.

    Attributes
    ----------
    vectors
        float32 (n_songs, d), of all that are served.
    artists
        (n_songs,): a number an artist.
    rows
        Those of the songs of this choice, in ascending order, `(n,)`.
    probes
        (n_probes, d): some listeners, by whom an index is measured.
    """

    vectors: NDArray[np.float32]
    artists: Rows
    rows: Rows
    probes: NDArray[np.float32] | None = None

    @cached_property
    def _screen(self) -> Screen | Index:
        return ranker(self.vectors[self.rows], self.probes)

    @cached_property
    def _places(self) -> Rows:
        """(n_songs,): where a song stands in `rows`; -1 where it does not."""
        places = np.full(len(self.vectors), -1)
        places[self.rows] = np.arange(len(self.rows))
        return places

    @cached_property
    def _artists(self) -> Rows:
        return self.artists[self.rows]

    @cached_property
    def covariance(self) -> NDArray[np.float64]:
        """(d, d), of the songs of this choice."""
        vectors = self.vectors[self.rows]
        centred = vectors - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread: NDArray[np.float64] = (centred.T @ centred).astype(np.float64) / max(1, len(centred))
        return spread

    def load(self) -> None:
        """Make all that `best` looks at, once for all lists."""
        assert self._screen is not None
        assert self._places is not None
        assert self._artists is not None

    def best(self, wanted: Sequence[Wanted]) -> list[Ranked]:
        """The lists, best first, ties by row; `Ranked.items` are rows of all songs."""
        found = self._screen.best([self._asked(one) for one in wanted])
        return [Ranked(each.users, self.rows[each.items], each.ranks, each.scores) for each in found]

    def _asked(self, wanted: Wanted) -> Asked:
        places = self._places[wanted.played]
        left_out = places[places >= 0]
        if wanted.allowed is not None:
            left_out = np.union1d(left_out, np.flatnonzero(~wanted.allowed[self.rows]))
        most = wanted.max_per_artist
        cap = None if most is None else ArtistCap(self._artists, most)
        return Asked(wanted.vector, left_out, wanted.k, cap)
