"""The cold-start protocol: who is asked about which songs, and how a system's answer is judged.

A system is two arrays, score = user_vectors @ item_vectors.T; nothing here knows one by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation import intervals
from earshot.evaluation.cold_start import ColdStart, read_cold_start
from earshot.evaluation.intervals import Interval
from earshot.evaluation.metrics import Floats
from earshot.evaluation.tallies import AucTally, PrecisionTally, blocks_of_pairs

__all__ = [
    "METRICS",
    "ColdStart",
    "Interval",
    "Metric",
    "Result",
    "System",
    "beats",
    "difference",
    "evaluate",
    "read_cold_start",
]

Metric = Literal["map", "auc", "auc_centred"]
"""`map` is the mean of AP@k over users; `auc_centred` has the mean user vector subtracted."""

METRICS: tuple[Metric, ...] = ("map", "auc", "auc_centred")


@dataclass(frozen=True)
class System:
    """What is judged: score of user u for candidate i = user_vectors[u] . item_vectors[i].

    Attributes
    ----------
    user_vectors
        `(n_all_users, d)`: rows of `users.parquet`.
    item_vectors
        `(n_candidates, d)`: candidates of the `ColdStart` it is asked about.
    """

    user_vectors: NDArray[np.floating]
    item_vectors: NDArray[np.floating]


@dataclass(frozen=True)
class Result:
    """How one system answered.

    Attributes
    ----------
    per_user
        Metric -> `(n_users,)`; NaN where a user has no negative (AUC).
    replicates
        Metric -> `(20,)` (map) or `(bootstraps,)`, the same artists for every system.
    positive_auc, positive_rank
        `(n_positives,)` in the order of `ColdStart.positives`: the share of the user's
        negatives below that song, and its place in the user's ranking, from 1.
    """

    per_user: dict[Metric, Floats]
    replicates: dict[Metric, Floats]
    positive_auc: Floats
    positive_rank: Floats

    def value(self, metric: Metric) -> float:
        """Mean over users; NaN where no user has one."""
        known = self.per_user[metric][~np.isnan(self.per_user[metric])]
        return float(known.mean()) if len(known) else float("nan")

    def interval(self, metric: Metric) -> Interval:
        """The mean over users and its 95 % interval over artists."""
        return _interval(metric, self.value(metric), self.replicates[metric])


def evaluate(
    system: System, cold_start: ColdStart, k: int = 500, bootstraps: int = 1000, seed: int = 0
) -> Result:
    """Judge a system: AP@k, AUC and AUC with centred users, with replicates over artists.

    Results with the same cold start, `bootstraps` and `seed` are paired.

    Raises
    ------
    ValueError
        Vectors of the wrong shape, or not finite.
    """
    users, items = _vectors(system, cold_start)
    artists, starts = cold_start.artists, cold_start.artist_starts
    drawn = intervals.multiplicities(len(starts), bootstraps, seed)
    groups = intervals.jackknife_groups(cold_start.artist_ids[starts].tolist())
    precision, auc, centred = (
        PrecisionTally(artists, groups, k),
        AucTally(artists, drawn),
        AucTally(artists, drawn),
    )
    for counts in blocks_of_pairs(users, items, cold_start.positives, starts, bootstraps):
        precision.add(counts)
        auc.add(counts)
    for counts in blocks_of_pairs(
        users - users.mean(axis=0), items, cold_start.positives, starts, bootstraps
    ):
        centred.add(counts)
    return Result(
        {"map": precision.per_user, "auc": auc.per_user, "auc_centred": centred.per_user},
        {"map": precision.replicates, "auc": auc.replicates, "auc_centred": centred.replicates},
        auc.per_positive,
        precision.ranks,
    )


def difference(a: Result, b: Result, metric: Metric) -> Interval:
    """a - b with its paired 95 % interval over artists."""
    value = a.value(metric) - b.value(metric)
    return _interval(metric, value, a.replicates[metric] - b.replicates[metric])


def beats(a: Result, b: Result) -> bool:
    """Whether the paired interval of a - b lies above 0 in AUC and in mAP@k."""
    return all(difference(a, b, metric).low > 0 for metric in ("auc", "map"))


def _interval(metric: Metric, value: float, replicates: Floats) -> Interval:
    if metric == "map":
        return intervals.jackknife_interval(value, replicates)
    return intervals.percentile_interval(value, replicates)


def _vectors(system: System, cold_start: ColdStart) -> tuple[Floats, Floats]:
    """Vectors of the users asked and of the candidates, float64, checked."""
    users = np.asarray(system.user_vectors, dtype=np.float64)[cold_start.users]
    items = np.ascontiguousarray(system.item_vectors, dtype=np.float64)
    wanted = (len(cold_start.song_ids), users.shape[1])
    if items.shape != wanted:
        raise ValueError(
            f"item_vectors {items.shape} must be {wanted}: (candidates, length of a user vector)"
        )
    if not (np.isfinite(users).all() and np.isfinite(items).all()):
        raise ValueError("user_vectors and item_vectors must be finite")
    return users, items
