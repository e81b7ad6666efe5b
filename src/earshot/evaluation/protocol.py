"""The cold-start protocol: who is asked about which songs, and how a system's answer is judged.

A system is two arrays, score = user_vectors @ item_vectors.T; nothing here knows one by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from earshot.artists import LEAST_ARTISTS
from earshot.evaluation import intervals
from earshot.evaluation.cold_start import ColdStart, read_cold_start
from earshot.evaluation.counting import stand
from earshot.evaluation.intervals import Interval
from earshot.evaluation.metrics import METRICS, Floats, Metric, auc, first_songs
from earshot.evaluation.pairs import blocks_of_pairs
from earshot.evaluation.tallies import AucTally, FirstSongsTally

__all__ = [
    "METRICS",
    "ColdStart",
    "Interval",
    "Metric",
    "Result",
    "System",
    "beats",
    "chance",
    "difference",
    "evaluate",
    "measure",
    "read_cold_start",
]


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
        Metric -> `(bootstraps,)` (AUC) or `(20,)` (the others), the same artists for every
        system; empty where nobody asked for intervals.
    positive_auc, positive_rank
        `(n_positives,)` in the order of `ColdStart.positives`: the share of the user's
        negatives below that song, and its place in the user's ranking, from 1.
    artist_ids
        `(n_artists,)`: who was asked about; empty where nobody asked for intervals.
    influence
        `(n_artists,)`: what each adds to the AUC (`earshot.evaluation.intervals.auc_influence`).
    """

    per_user: dict[Metric, Floats]
    replicates: dict[Metric, Floats]
    positive_auc: Floats
    positive_rank: Floats
    artist_ids: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    influence: Floats = field(default_factory=lambda: np.empty(0))

    def value(self, metric: Metric) -> float:
        """Mean over users; NaN where no user has one."""
        known = self.per_user[metric][~np.isnan(self.per_user[metric])]
        return float(known.mean()) if len(known) else float("nan")

    def interval(self, metric: Metric) -> Interval:
        """The mean over users and its 95 % interval over artists."""
        return _interval(metric, self.value(metric), self.replicates[metric], len(self.artist_ids), 0.0)


def evaluate(
    system: System, cold_start: ColdStart, k: int = 500, bootstraps: int = 1000, seed: int = 0
) -> Result:
    """Judge a system by all metrics, with replicates over artists.

    Results with the same cold start, `bootstraps` and `seed` are paired.

    Raises
    ------
    ValueError
        Vectors of the wrong shape, or not finite.
    """
    measured = measure(system, cold_start, k)
    users = np.asarray(system.user_vectors, dtype=np.float64)[cold_start.users]
    items = np.ascontiguousarray(system.item_vectors, dtype=np.float64)
    artists, starts = cold_start.artists, cold_start.artist_starts
    drawn = intervals.multiplicities(len(starts), bootstraps, seed)
    groups = intervals.jackknife_groups(cold_start.artist_ids[starts].tolist())
    first, plain, centred = (
        FirstSongsTally(artists, groups, k),
        AucTally(artists, drawn),
        AucTally(artists, drawn),
    )
    asked = (items, cold_start.positives, starts, bootstraps, cold_start.revealed)
    for counts in blocks_of_pairs(users, *asked):
        first.add(counts)
        plain.add(counts)
    for counts in blocks_of_pairs(users - users.mean(axis=0), *asked):
        centred.add(counts)
    replicates = {**first.replicates, "auc": plain.replicates, "auc_centred": centred.replicates}
    return replace(
        measured,
        replicates=replicates,
        artist_ids=cold_start.artist_ids[starts],
        influence=plain.influence,
    )


def measure(system: System, cold_start: ColdStart, k: int = 500) -> Result:
    """Judge a system by all metrics, without intervals: in little more time than its scores take.

    Raises
    ------
    ValueError
        Vectors of the wrong shape, or not finite.
    """
    wanted = (len(cold_start.song_ids), system.user_vectors.shape[1])
    if system.item_vectors.shape != wanted:
        raise ValueError(
            f"item_vectors {system.item_vectors.shape} must be {wanted}: "
            "(candidates, length of a user vector)"
        )
    positives, revealed = cold_start.positives, cold_start.revealed
    n_positives, firsts = np.diff(positives.indptr), positives.indptr[:-1].astype(np.int64)
    n_others = n_positives if revealed is None else n_positives + np.diff(revealed.indptr)
    negatives = np.repeat(wanted[0] - n_others.astype(np.float64), n_positives)
    plain, centred = stand(system.user_vectors, cold_start.users, system.item_vectors, positives, revealed)
    ranks = plain.place + plain.above + plain.tied
    positive_auc, per_user = auc(plain.above, plain.tied, negatives, firsts)
    _, per_user_centred = auc(centred.above, centred.tied, negatives, firsts)
    first = first_songs(k, plain.place, ranks, firsts)
    return Result({**first, "auc": per_user, "auc_centred": per_user_centred}, {}, positive_auc, ranks)


def difference(a: Result, b: Result, metric: Metric) -> Interval:
    """a - b with its paired 95 % interval over artists."""
    value = a.value(metric) - b.value(metric)
    return _interval(metric, value, a.replicates[metric] - b.replicates[metric], len(a.artist_ids), -1.0)


def beats(a: Result, b: Result) -> bool:
    """Whether a is clearly above b in AUC and not clearly below in mAP@k, by the paired intervals.

    mAP hangs on the few songs at the top of each list: with some dozens of artists its
    interval is too wide for anything to lie above 0.
    """
    return difference(a, b, "auc").low > 0 and not difference(a, b, "map").high < 0


def chance(a: Result, b: Result) -> float:
    """p that the AUC of a is above that of b by chance: random signs of the artists' parts in the difference.

    The parts are the jackknife's pseudo-values by n (Efron and Tibshirani, 1993, section
    11.5), to the first order. NaN where the artists are too few to say.
    """
    n = len(a.artist_ids)
    if n < LEAST_ARTISTS or len(a.influence) != n or len(b.influence) != n:
        return float("nan")
    return intervals.sign_flip_p(a.influence - b.influence + (a.value("auc") - b.value("auc")) / n)


def _interval(metric: Metric, value: float, replicates: Floats, n_artists: int, least: float) -> Interval:
    """Inside `least` to 1, which is all that the measure can be; NaN bounds with too few artists."""
    if n_artists < LEAST_ARTISTS:
        return Interval(value, np.nan, np.nan)
    if metric in ("auc", "auc_centred"):
        found = intervals.percentile_interval(value, replicates)
    else:
        found = intervals.jackknife_interval(value, replicates)
    return Interval(value, *np.clip([found.low, found.high], least, 1.0).tolist())
