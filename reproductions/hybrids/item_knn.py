"""Item neighbourhoods: a song is for those who have played the songs that its listeners play.

    sim(i, j) = |U_i and U_j| / sqrt(|U_i| |U_j|)            U_i: who has played song i
    score(u, i) = sum of sim(i, j) over the k nearest songs j of i that u has played

after Sarwar, Karypis, Konstan and Riedl (Item-based collaborative filtering, 2001), with plays for ratings.
Where plays have dates, songs that are heard together are nearer: a listener who has played both within half
an hour of each other counts twice in |U_i and U_j|.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array

from hybrids.rankers import Ints, Scores

HALF_AN_HOUR = 30 * 60


@dataclass(frozen=True)
class ItemKnn:
    """A ranker.

    Attributes
    ----------
    played
        float64 (n_users, n_songs), 1 where the listener is known to have played the song.
    neighbours
        float64 (n_songs, n_songs): of each song, a row, its similarity to the nearest ones.
    """

    played: csr_array
    neighbours: csr_array

    @classmethod
    def of(cls, plays: csr_array, k: int, together: csr_array | None = None) -> ItemKnn:
        """Neighbourhoods of `k` songs.

        Parameters
        ----------
        plays
            (n_users, n_songs), positive where there is a play.
        together
            (n_songs, n_songs): how many listeners have played both songs at about the same time, from
            `heard_together`: these count twice; None where nothing is known of that.
        """
        played = csr_array(plays.astype(bool).astype(np.float64))
        both = csr_array(played.T @ played)
        if together is not None:
            both = csr_array(both + together)
        return cls(played, nearest(cosines(both, n_listeners(played)), k))

    def rank(self, users: Ints, songs: Ints) -> Scores:
        """As `rankers.Ranker.rank`."""
        scores: Scores = (self.played[users] @ self.neighbours[songs].T).toarray()
        return scores


def n_listeners(played: csr_array) -> NDArray[np.int64]:
    """(n_songs,) of (n_users, n_songs)."""
    return np.bincount(played.indices, minlength=played.shape[1]).astype(np.int64)


def cosines(both: csr_array, listeners: NDArray[np.integer]) -> csr_array:
    """Counts of pairs of songs, (n, n), by the root of how many listeners each has, (n,); none of itself."""
    scale = diags_array(1 / np.sqrt(np.maximum(listeners, 1)))
    similar = csr_array(scale @ both @ scale).tocoo()
    others = similar.coords[0] != similar.coords[1]
    entries = (similar.data[others], tuple(axis[others] for axis in similar.coords))
    return csr_array(coo_array(entries, shape=both.shape))


def nearest(similar: csr_array, k: int) -> csr_array:
    """The `k` largest entries of every row, (n_songs, n_songs); of equals those of the first columns."""
    rows = np.repeat(np.arange(similar.shape[0]), np.diff(similar.indptr))  # the row of each entry
    order = np.lexsort((similar.indices, -similar.data, rows))  # rows stay where they are, the largest first
    place = np.empty(similar.nnz, dtype=np.int64)
    place[order] = np.arange(similar.nnz) - similar.indptr[rows]
    kept = place < k
    entries = (similar.data[kept], (rows[kept], similar.indices[kept]))
    return csr_array(coo_array(entries, shape=similar.shape))


def heard_together(
    users: Ints, songs: Ints, seconds: NDArray[np.int64], n_songs: int, within: int = HALF_AN_HOUR
) -> csr_array:
    """How many listeners have a play of both songs within `within` seconds of each other, (n_songs, n_songs).

    `users`, `songs` and `seconds` are plays, (n_plays,) each; a listener may have played a song often.
    """
    order = np.lexsort((seconds, users))
    users, songs, seconds = users[order], songs[order], seconds[order]
    found: list[NDArray[np.int64]] = []
    # plays at a distance of 1, 2, ... of each other, as long as some are near enough
    for apart in range(1, len(users)):
        near = (users[apart:] == users[:-apart]) & (seconds[apart:] - seconds[:-apart] <= within)
        if not near.any():
            break
        found.append(np.stack([users[apart:][near], songs[apart:][near], songs[:-apart][near]]))
    if not found:
        return csr_array((n_songs, n_songs), dtype=np.float64)
    user, one, other = np.concatenate(found, axis=1)
    low, high = np.minimum(one, other), np.maximum(one, other)
    _, low, high = np.unique(np.stack([user, low, high])[:, low != high], axis=1)  # a listener counts once
    pairs = (np.ones(2 * len(low)), (np.concatenate([low, high]), np.concatenate([high, low])))
    return csr_array(coo_array(pairs, shape=(n_songs, n_songs)))
