"""How good lists are of which only the songs count: what is found in them, with intervals over artists.

Positives are what a listener has played of the songs that could stand there. Intervals are those of a
jackknife over 20 groups of artists, as of AP: the songs of a group are taken out of lists and positives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.artists import LEAST_ARTISTS
from earshot.evaluation.intervals import GROUPS, Interval, jackknife_interval
from earshot.evaluation.metrics import Floats, Ints

ListMetric = Literal["recall", "ndcg", "hit_rate"]
LIST_METRICS: tuple[ListMetric, ...] = ("recall", "ndcg", "hit_rate")
Key = tuple[ListMetric, int]
"""A metric, and how many songs of a list it looks at."""

Lists = NDArray[np.int32]
"""(n_users, length): rows of songs, the best first; -1 behind the end of a list."""


@dataclass(frozen=True)
class JudgedLists:
    """Whose lists are judged, by what.

    Attributes
    ----------
    positives
        bool csr (n_users, n_songs).
    groups
        int64 (n_songs,): the jackknife group of every song's artist.
    n_artists
        Of the songs that somebody has played.
    """

    positives: csr_array
    groups: Ints
    n_artists: int

    def only(self, songs: NDArray[np.bool_]) -> JudgedLists:
        """The same lists judged by some of the positives alone, `(n_songs,)`."""
        entries = self.positives.tocoo()
        kept = songs[entries.coords[1]]
        places = (entries.data[kept], tuple(axis[kept] for axis in entries.coords))
        return JudgedLists(csr_array(places, shape=self.positives.shape), self.groups, self.n_artists)


@dataclass(frozen=True)
class ListMeasures:
    """What was found in lists.

    Attributes
    ----------
    per_user
        (n_users,) by key; NaN for a user without a positive.
    replicates
        (20,) by key: the mean over users with each group of artists deleted.
    n_artists
        As in `JudgedLists`.
    """

    per_user: dict[Key, Floats]
    replicates: dict[Key, Floats]
    n_artists: int

    def value(self, key: Key) -> float:
        """The mean over users; NaN where none has a positive."""
        return _mean(self.per_user[key])

    def interval(self, key: Key) -> Interval:
        """The mean over users and its 95 % interval over artists; NaN bounds with too few of these."""
        return _interval(self.value(key), self.replicates[key], self.n_artists)


def look(lists: Lists, asked: JudgedLists, depths: Sequence[int]) -> ListMeasures:
    """Look for the positives in the lists.

    With n positives of a user, of which h stand among the first k, at ranks r_1 < r_2 < ...

        recall@k   = h / n
        hit_rate@k = 1 if h > 0
        nDCG@k     = sum over r_j <= k of 1 / log2(1 + r_j), by the same sum for r_j = j up to min(k, n)

    Parameters
    ----------
    depths
        The values of k; lists should go on behind the largest, as songs that a replicate deletes make room.
    """
    hits = _hits(lists, asked.positives)
    n_positives = np.diff(asked.positives.indptr).astype(np.float64)
    per_user = _measure(lists >= 0, hits, n_positives, depths)
    # (n_users, 20): positives by group of artists
    by_group = _sum_by_group(asked)
    group = np.where(lists >= 0, asked.groups[lists], -1)
    replicates: dict[Key, list[float]] = {key: [] for key in per_user}
    for number in range(GROUPS):
        there = (lists >= 0) & (group != number)
        deleted = _measure(there, hits & there, n_positives - by_group[:, number], depths)
        for key, values in deleted.items():
            replicates[key].append(_mean(values))
    return ListMeasures(
        per_user, {key: np.array(means) for key, means in replicates.items()}, asked.n_artists
    )


def list_difference(a: ListMeasures, b: ListMeasures, key: Key) -> Interval:
    """a - b, of the same users and positives, with its paired 95 % interval over artists."""
    return _interval(a.value(key) - b.value(key), a.replicates[key] - b.replicates[key], a.n_artists)


def _hits(lists: Lists, positives: csr_array) -> NDArray[np.bool_]:
    """(n_users, length): whether the listener of the row has played the song."""
    n_songs = positives.shape[1]
    entries = positives.tocoo()
    played = entries.coords[0].astype(np.int64) * n_songs + entries.coords[1]  # a number a pair
    pairs = np.arange(len(lists))[:, None] * n_songs + lists
    return (lists >= 0) & np.isin(pairs, played)


def _sum_by_group(asked: JudgedLists) -> Floats:
    one_hot = (asked.groups[:, None] == np.arange(GROUPS)).astype(np.float64)  # (n_songs, 20)
    return np.asarray(asked.positives.astype(np.float64) @ one_hot)


def _measure(
    there: NDArray[np.bool_], hits: NDArray[np.bool_], n_positives: Floats, depths: Sequence[int]
) -> dict[Key, Floats]:
    """(n_users,) by key; `there`, `(n_users, length)`, are the entries that count."""
    ranks = np.cumsum(there, axis=1)  # from 1, of the entries that count
    gains = np.where(hits, 1 / np.log2(1 + np.maximum(ranks, 1)), 0.0)
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(1 + np.arange(1, max(depths) + 1)))])
    n = np.where(n_positives > 0, n_positives, np.nan)
    measured: dict[Key, Floats] = {}
    for k in depths:
        near = ranks <= k
        found = (hits & near).sum(axis=1)
        best = ideal[np.minimum(n_positives, k).astype(np.int64)]  # of n positives in the best order
        measured["recall", k] = found / n
        measured["ndcg", k] = np.where(near, gains, 0.0).sum(axis=1) / np.where(best > 0, best, np.nan)
        measured["hit_rate", k] = np.where(n_positives > 0, found > 0, np.nan)
    return measured


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _interval(value: float, replicates: Floats, n_artists: int) -> Interval:
    if n_artists < LEAST_ARTISTS or np.isnan(replicates).any():
        return Interval(value, np.nan, np.nan)
    return jackknife_interval(value, replicates)
