"""How systems are judged: two arrays each, the same questions for all, answers pooled over folds.

A system is two arrays, score = user_vectors @ item_vectors.T; nothing here knows one by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from earshot.artists import LEAST_ARTISTS
from earshot.evaluation import intervals
from earshot.evaluation.cold_start import ColdStart, read_cold_start
from earshot.evaluation.intervals import AucTally, FirstSongsTally, Interval
from earshot.evaluation.metrics import METRICS, Floats, Metric, auc, first_songs, recall_depth, stand
from earshot.evaluation.pairs import blocks_of_pairs

_RANDOM_LENGTH = 64
N_PERMUTATIONS = 20


def random_system(n_all_users: int, n_candidates: int, seed: int) -> System:
    """Random vectors on both sides: every user has another random order."""
    rng = np.random.default_rng(seed)
    return System(
        rng.standard_normal((n_all_users, _RANDOM_LENGTH)),
        rng.standard_normal((n_candidates, _RANDOM_LENGTH)),
    )


def shuffled_content(system: System, seed: int | Sequence[int]) -> System:
    """`system` with its item vectors permuted among the candidates."""
    order = np.random.default_rng(seed).permutation(len(system.item_vectors))
    return System(system.user_vectors, system.item_vectors[order])


@dataclass(frozen=True)
class Permutations:
    """`shuffled_content` of `system`, many times over: one alone may lie clearly off chance by luck."""

    system: System
    seed: int


def evaluate_permutations(
    permutations: Permutations, cold_start: ColdStart, k: int = 500, bootstraps: int = 1000
) -> Result:
    """The mean of `N_PERMUTATIONS` permutations, user by user, and what each of them gave.

    Over permutations every positive stands as likely above as below every negative, whoever the artists
    are: the expected AUC is 1/2 in each replicate. So replicates are constant, and whatever is paired with
    this has the interval of its own replicates; its spread is over permutations, not over artists.
    """
    draws = [
        measure(shuffled_content(permutations.system, [permutations.seed, number]), cold_start, k)
        for number in range(N_PERMUTATIONS)
    ]
    mean = Result(
        {metric: np.mean([draw.per_user[metric] for draw in draws], axis=0) for metric in METRICS},
        {},
        np.mean([draw.positive_auc for draw in draws], axis=0),
        np.mean([draw.positive_rank for draw in draws], axis=0),
        artist_ids=cold_start.artist_ids[cold_start.artist_starts],
        influence=np.zeros(len(cold_start.artist_starts)),
        permutations={metric: np.array([draw.value(metric) for draw in draws]) for metric in METRICS},
    )
    sizes = {
        metric: bootstraps if metric in ("auc", "auc_centred") else intervals.GROUPS for metric in METRICS
    }
    constant = {metric: np.full(size, mean.value(metric)) for metric, size in sizes.items()}
    return replace(mean, replicates=constant)


def pool(results: Sequence[Result]) -> Result:
    """All users together; a replicate is the mean of theirs, weighted by how many users each has.

    Results of one fold have the same artists in each replicate whatever the seed,
    and a group of the jackknife holds the same artists in every fold, so that
    pooled results of two systems are paired as theirs are. An artist's influence is the
    sum of what it adds in each.
    """
    if len(results) == 1:
        return results[0]
    pooled = Result(
        {metric: np.concatenate([result.per_user[metric] for result in results]) for metric in METRICS},
        {metric: _replicates(results, metric) for metric in METRICS},
        np.concatenate([result.positive_auc for result in results]),
        np.concatenate([result.positive_rank for result in results]),
        permutations=_pooled_permutations(results),
    )
    artist_ids, shares = _shares(results)
    return replace(pooled, artist_ids=artist_ids, influence=shares - shares.mean())


def _pooled_permutations(results: Sequence[Result]) -> dict[Metric, Floats]:
    """What each permutation gave over the users of all results together; nothing where there are none."""
    if not all(result.permutations for result in results):
        return {}
    users = {metric: [int((~np.isnan(r.per_user[metric])).sum()) for r in results] for metric in METRICS}
    return {
        metric: np.average([r.permutations[metric] for r in results], axis=0, weights=users[metric])
        for metric in METRICS
    }


def _shares(results: Sequence[Result]) -> tuple[NDArray[np.object_], Floats]:
    """Each artist's part of the pooled AUC: in a fold its influence, and an equal part of the fold's AUC."""
    # place: where each artist of each result stands in artist_ids; one may be in several results
    artist_ids, place = np.unique(
        np.concatenate([result.artist_ids for result in results]), return_inverse=True
    )
    users = np.array([np.count_nonzero(~np.isnan(result.per_user["auc"])) for result in results])
    # n / users.sum(): weight of the fold in the pooled mean over users
    parts = [
        n / users.sum() * (result.influence + (result.value("auc") if n else 0.0) / len(result.artist_ids))
        for n, result in zip(users, results, strict=True)
    ]
    shares = np.zeros(len(artist_ids))
    np.add.at(shares, place, np.concatenate(parts))  # `shares[place] +=` would count a repeated artist once
    return artist_ids, shares


def _replicates(results: Sequence[Result], metric: Metric) -> Floats:
    users = [np.count_nonzero(~np.isnan(result.per_user[metric])) for result in results]
    replicates = np.stack([result.replicates[metric] for result in results])  # (n_results, n_replicates)
    mean: Floats = np.average(replicates, axis=0, weights=users)
    return mean


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
    permutations
        Metric -> `(n_permutations,)`: what each gave, of a system that is the mean of several; else nothing.
    """

    per_user: dict[Metric, Floats]
    replicates: dict[Metric, Floats]
    positive_auc: Floats
    positive_rank: Floats
    artist_ids: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    influence: Floats = field(default_factory=lambda: np.empty(0))
    permutations: dict[Metric, Floats] = field(default_factory=dict)

    def value(self, metric: Metric) -> float:
        """Mean over users; NaN where no user has one."""
        known = self.per_user[metric][~np.isnan(self.per_user[metric])]
        return float(known.mean()) if len(known) else float("nan")

    def interval(self, metric: Metric) -> Interval:
        """The mean over users and its 95 % interval over artists; NaN bounds of a mean of permutations."""
        if self.permutations:
            return Interval(self.value(metric), np.nan, np.nan)
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
    users = np.asarray(system.user_vectors, dtype=np.float64)[cold_start.users]  # (n_users, d)
    items = np.ascontiguousarray(system.item_vectors, dtype=np.float64)
    artists, starts = cold_start.artists, cold_start.artist_starts
    drawn = intervals.multiplicities(len(starts), bootstraps, seed)
    groups = intervals.jackknife_groups(cold_start.artist_ids[starts].tolist())  # (n_artists,)
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
    n_positives, firsts = np.diff(positives.indptr), positives.indptr[:-1].astype(np.int64)  # (n_users,) each
    n_others = n_positives if revealed is None else n_positives + np.diff(revealed.indptr)
    # (n_positives,): how many negatives its user has
    negatives = np.repeat(wanted[0] - n_others.astype(np.float64), n_positives)
    plain, centred = stand(system.user_vectors, cold_start.users, system.item_vectors, positives, revealed)
    ranks = plain.place + plain.above + plain.tied  # tied negatives are put before a positive
    positive_auc, per_user = auc(plain.above, plain.tied, negatives, firsts)
    _, per_user_centred = auc(centred.above, centred.tied, negatives, firsts)
    first = first_songs(k, recall_depth(k, wanted[0]), plain.place, ranks, firsts)
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
    # influences sum to 0; with an equal part of the value for each artist they sum to the difference
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
