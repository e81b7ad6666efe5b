"""What is added up over blocks of users, so that memory does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from earshot.evaluation import intervals, metrics
from earshot.evaluation.metrics import Floats, Ints, PairCounts, Singles

BLOCK_ELEMENTS = 2_000_000
"""Numbers in the largest array of a block, about."""


def blocks_of_pairs(
    user_vectors: Floats, item_vectors: Floats, positives: csr_array, artist_starts: Ints, width: int
) -> Iterator[PairCounts]:
    """Every user's positives counted against their negatives, some users at a time.

    A score is summed in the same order wherever it stands (a matrix product
    would round equal vectors differently), so that equal vectors tie.

    Parameters
    ----------
    user_vectors, item_vectors
        `(n_users, d)` and `(n_candidates, d)`.
    width
        Numbers that a caller holds for every positive.
    """
    cost = np.cumsum(np.diff(positives.indptr)) * max(width, len(item_vectors))
    block = cost // BLOCK_ELEMENTS
    edges = np.flatnonzero(np.diff(block, prepend=-1, append=-1))
    for start, stop in pairwise(edges.tolist()):
        scores = np.einsum("ud,cd->uc", user_vectors[start:stop], item_vectors)
        yield metrics.count_pairs(scores, positives[start:stop].toarray(), artist_starts)


class AucTally:
    """AUC of every positive and user, and its mean over users in every bootstrap of the artists.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    drawn
        `(n_artists, n_replicates)` multiplicities.
    """

    def __init__(self, artists: Ints, drawn: Singles) -> None:
        self._artists, self._drawn = artists, drawn
        self._per_positive: list[Floats] = []
        self._per_user: list[Floats] = []
        self._sums = np.zeros(drawn.shape[1])
        self._users = np.zeros(drawn.shape[1])

    def add(self, counts: PairCounts) -> None:
        per_positive, per_user = metrics.auc(counts)
        self._per_positive.append(per_positive)
        self._per_user.append(per_user)
        replicates = intervals.bootstrap_auc(counts, self._artists, self._drawn)
        self._sums += np.nansum(replicates, axis=0)
        self._users += np.count_nonzero(~np.isnan(replicates), axis=0)

    @property
    def per_positive(self) -> Floats:
        return np.concatenate(self._per_positive)

    @property
    def per_user(self) -> Floats:
        return np.concatenate(self._per_user)

    @property
    def replicates(self) -> Floats:
        return _ratio(self._sums, self._users)


class PrecisionTally:
    """AP@k of every user, the ranks of the positives, and mAP@k with each group of artists deleted.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    groups
        `(n_artists,)`: the jackknife group of every artist.
    """

    def __init__(self, artists: Ints, groups: Ints, k: int) -> None:
        self._artists, self._groups, self._k = artists, groups, k
        self._ranks: list[Floats] = []
        self._per_user: list[Floats] = []
        self._sums = np.zeros(intervals.GROUPS)
        self._users = np.zeros(intervals.GROUPS)

    def add(self, counts: PairCounts) -> None:
        everyone = np.ones(len(counts.users), dtype=np.bool_)
        not_below = counts.not_below.sum(axis=1, dtype=np.float64)
        ranks, per_user = metrics.average_precision(counts.users, counts.scores, not_below, self._k, everyone)
        self._ranks.append(ranks)
        self._per_user.append(per_user)
        replicates = intervals.jackknife_average_precision(counts, self._groups, self._artists, self._k)
        self._sums += np.nansum(replicates, axis=0)
        self._users += np.count_nonzero(~np.isnan(replicates), axis=0)

    @property
    def ranks(self) -> Floats:
        return np.concatenate(self._ranks)

    @property
    def per_user(self) -> Floats:
        return np.concatenate(self._per_user)

    @property
    def replicates(self) -> Floats:
        return _ratio(self._sums, self._users)


def _ratio(sums: Floats, users: Floats) -> Floats:
    """Means over users; NaN where none is left."""
    with np.errstate(invalid="ignore"):
        return sums / users
