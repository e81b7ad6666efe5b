"""Plays as ratings: 1 for a play, 0 for as many songs that a listener has not played, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.errors import UserError

Ints = NDArray[np.int64]
_TRIES = 20


class Pairs(NamedTuple):
    """Listeners and songs by their rows, and how the one rated the other: (n,) each."""

    users: Ints
    songs: Ints
    ratings: NDArray[np.float32]


class Played:
    """Who has played what, asked pair by pair."""

    def __init__(self, users: Ints, songs: Ints, n_songs: int) -> None:
        self._n_songs = n_songs
        self._keys = np.unique(users * n_songs + songs)  # a number a pair, ascending

    def __call__(self, users: Ints, songs: Ints) -> NDArray[np.bool_]:
        """(n,): whether each listener has played the song beside."""
        keys = users * self._n_songs + songs
        places = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        return self._keys[places] == keys if len(self._keys) else np.zeros(len(keys), np.bool_)


def with_zeros(users: Ints, songs: Ints, pool: Ints, played: Played, rng: np.random.Generator) -> Pairs:
    """Plays, (n,) each, and as many songs of `pool` that the same listeners have not played.

    A listener who has played nearly all of `pool` may get fewer.
    """
    zeros = rng.choice(pool, len(users))
    for _ in range(_TRIES):
        bad = played(users, zeros)
        if not bad.any():
            break
        zeros[bad] = rng.choice(pool, int(bad.sum()))
    good = ~played(users, zeros)
    ratings = np.concatenate([np.ones(len(users), np.float32), np.zeros(int(good.sum()), np.float32)])
    return Pairs(np.concatenate([users, users[good]]), np.concatenate([songs, zeros[good]]), ratings)


@dataclass(frozen=True)
class RatingQuestion:
    """Ratings to learn from, to stop by, and to be told.

    Attributes
    ----------
    n_users
        Of all listeners.
    features
        float32 (n_songs, n_features): what is heard of every song.
    users, songs
        (n_plays,): the plays to learn from.
    pool
        Rows of the songs that are learned from.
    known
        Of those plays alone.
    stop_warm, stop_new
        Held-out ratings of songs that are learned from, and ratings of others, by which fits are stopped.
    warm, cold
        Held-out ratings of songs that are learned from, and ratings of the cold ones.
    """

    n_users: int
    features: NDArray[np.float32]
    users: Ints
    songs: Ints
    pool: Ints
    known: Played
    stop_warm: Pairs
    stop_new: Pairs
    warm: Pairs
    cold: Pairs


def ask(
    plays: csr_array,
    stop_songs: NDArray[np.bool_],
    cold: csr_array,
    features: NDArray[np.float32],
    shares: tuple[float, float],
    rng: np.random.Generator,
) -> RatingQuestion:
    """Part the plays.

    Parameters
    ----------
    plays
        (n_users, n_songs): those of warm songs.
    stop_songs
        (n_songs,): warm songs that are not learned from.
    cold
        (n_users, n_songs): the positives of the cold start.
    features
        float32 (n_songs, n_features).
    shares
        Of the plays of the other warm songs those to be told, and those to stop by.

    Raises
    ------
    UserError
        A part without a play.
    """
    n_users, n_songs = plays.shape
    users, songs = (axis.astype(np.int64) for axis in plays.tocoo().coords)
    cold_users, cold_songs = (axis.astype(np.int64) for axis in cold.tocoo().coords)
    every = Played(np.concatenate([users, cold_users]), np.concatenate([songs, cold_songs]), n_songs)
    learned, chance = ~stop_songs[songs], rng.random(len(users))
    told, stops = chance < shares[0], chance >= 1 - shares[1]
    parts = [learned & told, learned & stops, ~learned]
    left = learned & ~told & ~stops
    _refuse_empty([*parts, left], shares)
    pool = np.unique(songs[learned])
    pools = [pool, pool, np.flatnonzero(stop_songs)]
    warm, stop_warm, stop_new = (
        with_zeros(users[part], songs[part], some, every, rng)
        for part, some in zip(parts, pools, strict=True)
    )
    return RatingQuestion(
        n_users,
        features,
        users[left],
        songs[left],
        pool,
        Played(users[left], songs[left], n_songs),
        stop_warm,
        stop_new,
        warm,
        with_zeros(cold_users, cold_songs, np.unique(cold_songs), every, rng),
    )


def _refuse_empty(parts: Sequence[NDArray[np.bool_]], shares: tuple[float, float]) -> None:
    told, stop, of_stop_songs, learned = (int(part.sum()) for part in parts)
    if not min(told, stop, of_stop_songs, learned):
        raise UserError(
            f"plays of warm songs with audio: {learned} to learn from, {told} to be told "
            f"(held_out.told={shares[0]:g}), {stop} to stop by (held_out.stop={shares[1]:g}), "
            f"{of_stop_songs} of songs for early stopping: wanted some of each; more plays, or other shares"
        )
