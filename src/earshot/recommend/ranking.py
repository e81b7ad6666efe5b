"""The best songs of every listener, in blocks: never a dense listeners x songs matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

USERS_AT_ONCE = 1024
"""Listeners whose lists come together; the last are fewer."""
BLOCK_SCORES = 4_000_000
"""Scores held at a time, 12 bytes each."""

Vectors = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Ranked:
    """Lists of some listeners, one after another, each best first.

    Attributes
    ----------
    users, items
        `(n,)`: row of the listener, row of the song.
    ranks
        `(n,)`: 1 for the best song of a list.
    scores
        `(n,)`: user_vectors[user] . item_vectors[item], float32.
    """

    users: Rows
    items: Rows
    ranks: Rows
    scores: Scores


@dataclass(frozen=True)
class ArtistCap:
    """At most so many songs of an artist in a list.

    Attributes
    ----------
    artists
        (n_items,): a number an artist.
    most
        At least 1.
    """

    artists: Rows
    most: int

    def of(self, songs: Rows) -> ArtistCap:
        """The same for some songs, `(n,)`."""
        return ArtistCap(self.artists[songs], self.most)

    def keep(self, ranked: Ranked) -> Ranked:
        """Of every list the `most` best songs of each artist; ranks stay what they were."""
        artists = self.artists[ranked.items]
        order = np.lexsort((ranked.ranks, artists, ranked.users))  # the last key counts first
        users, artists = ranked.users[order], artists[order]
        starts = np.flatnonzero(np.diff(users, prepend=-1) | np.diff(artists, prepend=-1))
        # among the songs of its artist: own index less that of the first of them
        place = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        kept = np.sort(order[place < self.most])
        return Ranked(ranked.users[kept], ranked.items[kept], ranked.ranks[kept], ranked.scores[kept])


def rank_songs(
    user_vectors: Vectors,
    item_vectors: Vectors,
    played: csr_array,
    allowed: NDArray[np.bool_],
    k: int,
    cap: ArtistCap | None = None,
) -> Iterator[Ranked]:
    """The k best songs of every listener, `USERS_AT_ONCE` listeners at a time.

    Songs with the same score stand in the order of their rows. A listener has
    fewer than k where fewer are left.

    Parameters
    ----------
    user_vectors
        (n_users, d).
    item_vectors
        (n_items, d).
    played
        (n_users, n_items); what has an entry is left out of that listener's list.
    allowed
        (n_items,); the others are left out of every list.
    k
        Length of a list.
    cap
        Songs of an artist beyond it are left out, the worst first.
    """
    songs = np.flatnonzero(allowed)
    vectors = np.asarray(item_vectors, dtype=np.float64)[songs].T  # (d, n_allowed)
    left_out = played[:, songs]
    capped = None if cap is None else cap.of(songs)
    for first in range(0, len(user_vectors), USERS_AT_ONCE):
        users = slice(first, first + USERS_AT_ONCE)
        best = _rank_group(
            np.asarray(user_vectors[users], dtype=np.float64), vectors, left_out[users], k, capped
        )
        # rows of the block back to rows of all
        yield Ranked(best.users + first, songs[best.items], best.ranks, best.scores)


def _rank_group(
    users: NDArray[np.float64],
    vectors: NDArray[np.float64],
    left_out: csr_array,
    k: int,
    cap: ArtistCap | None,
) -> Ranked:
    block = max(1, BLOCK_SCORES // max(1, vectors.shape[1]))  # users at a time
    parts = []
    for first in range(0, len(users), block):
        # Rounded after the sum, so that a score does not depend on the block it was made in.
        scores = (users[first : first + block] @ vectors).astype(np.float32)
        scores[left_out[first : first + block].tocoo().coords] = -np.inf
        best = best_of_rows(scores, k) if cap is None else _best_under_cap(scores, k, cap)
        parts.append(Ranked(best.users + first, best.items, best.ranks, best.scores))
    return join(parts)


def join(parts: Sequence[Ranked]) -> Ranked:
    """Lists of several groups of listeners as one."""
    return Ranked(
        np.concatenate([part.users for part in parts]),
        np.concatenate([part.items for part in parts]),
        np.concatenate([part.ranks for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def best_of_rows(scores: Scores, k: int) -> Ranked:
    """The k largest finite entries of every row of `(n_rows, n_columns)`, largest first, ties by column.

    Example
    -------
    >>> best_of_rows(np.array([[0.5, 2.0, 0.5, 0.5]], dtype=np.float32), k=3).items.tolist()
    [1, 0, 2]
    """
    n_columns = scores.shape[1]
    good = scores > -np.inf
    if n_columns > k:
        # the k-th largest of a row, (n_rows, 1); where others tie with it more than k stay, rank_within cuts
        good &= scores >= np.partition(scores, n_columns - k, axis=1)[:, n_columns - k, None]
    rows, columns = np.nonzero(good)
    return rank_within(rows, columns, scores[rows, columns], k)


def _best_under_cap(scores: Scores, k: int, cap: ArtistCap) -> Ranked:
    """As `best_of_rows`, in every row at most `cap.most` columns of an artist."""
    n_rows, n_columns = scores.shape
    length = k
    while True:
        longer = best_of_rows(scores, length)
        kept = cap.keep(longer)
        # a row is done with k songs, and where all that it has was looked at
        n_kept, n_looked_at = (np.bincount(some.users, minlength=n_rows) for some in (kept, longer))
        if length >= n_columns or ((n_kept >= k) | (n_looked_at < length)).all():
            return rank_within(kept.users, kept.items, kept.scores, k)
        length *= 2


def rank_within(users: Rows, items: Rows, scores: Scores, k: int) -> Ranked:
    """The k best of every listener among `(n,)` entries, listeners in ascending order, ties by song."""
    order = np.lexsort((items, -scores, users))  # the last key counts first
    users, items, scores = users[order], items[order], scores[order]
    starts = np.flatnonzero(np.diff(users, prepend=-1))  # first entry of every list
    # place in the list: own index less that of its first entry, from 1
    ranks = np.arange(len(users)) - np.repeat(starts, np.diff(starts, append=len(users))) + 1
    kept = ranks <= k
    return Ranked(users[kept], items[kept], ranks[kept], scores[kept])
