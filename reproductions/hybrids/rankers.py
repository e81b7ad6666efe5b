"""Hybrids whose scores are no product of two vectors: they rank songs, and cannot be released.

A ranker is asked for the scores of some listeners for some songs; only their order counts, listener by
listener. The hybrids of Burke (Hybrid recommender systems: survey and experiments, 2002, section 3) that are
made of two rankers: mixed lists, a cascade, and switching from listener to listener.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Scores = NDArray[np.float64]


class Ranker(Protocol):
    """Orders songs for listeners."""

    def rank(self, users: Ints, songs: Ints) -> Scores:
        """Scores (n_users, n_songs) of the songs for the listeners in these rows; the best has most."""
        ...


@dataclass(frozen=True)
class Products:
    """Scores that are products.

    Attributes
    ----------
    users, songs
        (n_all_users, d), (n_all_songs, d).
    """

    users: NDArray[np.floating]
    songs: NDArray[np.floating]

    def rank(self, users: Ints, songs: Ints) -> Scores:
        """As `Ranker.rank`."""
        scores: Scores = self.users[users].astype(np.float64) @ self.songs[songs].astype(np.float64).T
        return scores


@dataclass(frozen=True)
class Mixed:
    """Two lists laid into each other: the best of `first`, the best of `second`, the next of `first`, ...

    A song that stands in the list already is passed over.
    """

    first: Ranker
    second: Ranker

    def rank(self, users: Ints, songs: Ints) -> Scores:
        """As `Ranker.rank`: scores are places, counted down."""
        one, other = (places(ranker.rank(users, songs)) for ranker in (self.first, self.second))
        # place a of the first list is line 2 a of the mixed one, place b of the second line 2 b + 1; a song
        # stands at the earlier of its two, and no two songs share a line: even ones are of the first
        return np.asarray(-np.minimum(2.0 * one, 2.0 * other + 1))


@dataclass(frozen=True)
class Cascade:
    """The first `share` of the list of `first`, in the order of `second`, then the others as `first` has."""

    first: Ranker
    second: Ranker
    share: float

    def rank(self, users: Ints, songs: Ints) -> Scores:
        """As `Ranker.rank`: scores are places, counted down."""
        place = places(self.first.rank(users, songs))
        short = place < np.ceil(self.share * len(songs))
        again = places(np.where(short, self.second.rank(users, songs), -np.inf))
        return -np.where(short, again, place).astype(np.float64)


@dataclass(frozen=True)
class SwitchingByListener:
    """`second` for listeners who are known to have played `least` songs, `first` for the others.

    Attributes
    ----------
    n_played
        (n_all_users,): songs that each listener is known to have played.
    """

    first: Ranker
    second: Ranker
    n_played: NDArray[np.integer]
    least: int

    def rank(self, users: Ints, songs: Ints) -> Scores:
        """As `Ranker.rank`."""
        known = self.n_played[users] >= self.least
        return np.where(known[:, None], self.second.rank(users, songs), self.first.rank(users, songs))


def places(scores: Scores) -> Ints:
    """The place of every song in its listener's list, from 0, (n_users, n_songs); of equals the first."""
    return (-scores).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
