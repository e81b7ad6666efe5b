"""Means over users in every replicate, added up block by block, so that memory does not grow with users."""

from __future__ import annotations

import numpy as np

from earshot.evaluation import intervals
from earshot.evaluation.metrics import Floats, Ints, Metric, Singles
from earshot.evaluation.pairs import PairCounts


class Means:
    """The mean over users of every replicate, `(n_replicates,)`; NaN where no user is left."""

    def __init__(self, n_replicates: int) -> None:
        self._sums = np.zeros(n_replicates)
        self._users = np.zeros(n_replicates)

    def add(self, per_user: Floats) -> None:
        """`(n_users, n_replicates)`; NaN for a user who drops out."""
        self._sums += np.nansum(per_user, axis=0)
        self._users += np.count_nonzero(~np.isnan(per_user), axis=0)

    @property
    def values(self) -> Floats:
        with np.errstate(invalid="ignore"):
            return self._sums / self._users


class AucTally:
    """Mean AUC in every bootstrap of the artists, and what every artist adds to it.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    drawn
        `(n_artists, n_replicates)` multiplicities.
    """

    def __init__(self, artists: Ints, drawn: Singles) -> None:
        self._artists, self._drawn = artists, drawn
        self._means = Means(drawn.shape[1])
        self._influence = np.zeros(len(drawn))
        self._users = 0

    def add(self, counts: PairCounts) -> None:
        self._means.add(intervals.bootstrap_auc(counts, self._artists, self._drawn))
        self._influence += intervals.auc_influence(counts, self._artists, len(self._drawn))
        self._users += int((counts.negatives[counts.firsts].sum(axis=1) > 0).sum())

    @property
    def replicates(self) -> Floats:
        return self._means.values

    @property
    def influence(self) -> Floats:
        """`(n_artists,)`: the derivative of the mean AUC by each artist's multiplicity."""
        return self._influence / max(1, self._users)


class FirstSongsTally:
    """Mean AP@k, recall@k and nDCG@k with each group of artists deleted.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    groups
        `(n_artists,)`: the jackknife group of every artist.
    """

    def __init__(self, artists: Ints, groups: Ints, k: int) -> None:
        self._artists, self._groups, self._k = artists, groups, k
        self._means: dict[Metric, Means] = {}

    def add(self, counts: PairCounts) -> None:
        found = intervals.jackknife_first_songs(counts, self._groups, self._artists, self._k)
        for metric, per_user in found.items():
            self._means.setdefault(metric, Means(intervals.GROUPS)).add(per_user)

    @property
    def replicates(self) -> dict[Metric, Floats]:
        return {metric: means.values for metric, means in self._means.items()}
