"""How systems are judged: two arrays each, the same questions for all, answers pooled over folds.

A system is two arrays, score = user_vectors @ item_vectors.T; nothing here knows one by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from earshot.artists import LEAST_ARTISTS
from earshot.evaluation.cold_start import ColdStart, read_cold_start
from earshot.evaluation.intervals import (
    Interval,
    Replicates,
    UserMeans,
    jackknife_auc,
    jackknife_first_songs,
    jackknife_interval,
    pool_replicates,
    pseudo_values,
    sign_flip_p,
)
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


def evaluate_permutations(permutations: Permutations, cold_start: ColdStart, k: int = 500) -> Result:
    """The mean of `N_PERMUTATIONS` permutations, user by user, and what each of them gave.

    Over permutations every positive stands as likely above as below every negative, whoever the artists
    are: the expected AUC is 1/2 in each replicate. So replicates are constant, and whatever is paired with
    this has the interval of its own replicates; its spread is over permutations, not over artists.
    """
    draws = [
        measure(shuffled_content(permutations.system, [permutations.seed, number]), cold_start, k)
        for number in range(N_PERMUTATIONS)
    ]
    artist_ids = cold_start.artist_ids[cold_start.artist_starts]
    mean = Result(
        {metric: np.mean([draw.per_user[metric] for draw in draws], axis=0) for metric in METRICS},
        {},
        np.mean([draw.positive_auc for draw in draws], axis=0),
        np.mean([draw.positive_rank for draw in draws], axis=0),
        artist_ids,
        permutations={metric: np.array([draw.value(metric) for draw in draws]) for metric in METRICS},
    )
    constant: dict[Metric, Replicates] = {
        metric: Replicates(
            np.full(len(artist_ids), mean.value(metric)),
            np.full(len(artist_ids), _known(mean.per_user[metric])),
        )
        for metric in METRICS
    }
    return replace(mean, replicates=constant)


def pool(results: Sequence[Result]) -> Result:
    """All users together; a replicate leaves the same artist out of every result.

    An artist may stand in several results (songs of it are held out in each fold): without
    it, those in which it does not stand are as they are, and users weigh alike. So pooled
    results of two systems are paired as theirs are.
    """
    if len(results) == 1:
        return results[0]
    artist_ids, places = np.unique(
        np.concatenate([result.artist_ids for result in results]), return_inverse=True
    )
    # of each result, where its artists are in artist_ids
    rows = np.split(places, np.cumsum([len(result.artist_ids) for result in results])[:-1])
    return Result(
        {metric: np.concatenate([result.per_user[metric] for result in results]) for metric in METRICS},
        {
            metric: pool_replicates(
                [result.per_user[metric] for result in results],
                [result.replicates[metric] for result in results],
                rows,
                len(artist_ids),
            )
            for metric in METRICS
        },
        np.concatenate([result.positive_auc for result in results]),
        np.concatenate([result.positive_rank for result in results]),
        artist_ids,
        _pooled_permutations(results),
    )


def _pooled_permutations(results: Sequence[Result]) -> dict[Metric, Floats]:
    """What each permutation gave over the users of all results together; nothing where there are none."""
    if not all(result.permutations for result in results):
        return {}
    users = {metric: [_known(result.per_user[metric]) for result in results] for metric in METRICS}
    return {
        metric: np.average([r.permutations[metric] for r in results], axis=0, weights=users[metric])
        for metric in METRICS
    }


def _known(per_user: Floats) -> int:
    """How many users have a value."""
    return int(np.count_nonzero(~np.isnan(per_user)))


__all__ = [
    "METRICS",
    "ColdStart",
    "Interval",
    "Metric",
    "Result",
    "System",
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
        Metric -> the mean with each artist of `artist_ids` deleted in turn; empty where nobody
        asked for intervals.
    positive_auc, positive_rank
        `(n_positives,)` in the order of `ColdStart.positives`: the share of the user's
        negatives below that song, and its place in the user's ranking, from 1.
    artist_ids
        `(n_artists,)`: who was asked about; empty where nobody asked for intervals.
    permutations
        Metric -> `(n_permutations,)`: what each gave, of a system that is the mean of several; else nothing.
    """

    per_user: dict[Metric, Floats]
    replicates: dict[Metric, Replicates]
    positive_auc: Floats
    positive_rank: Floats
    artist_ids: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))
    permutations: dict[Metric, Floats] = field(default_factory=dict)

    def value(self, metric: Metric) -> float:
        """Mean over users; NaN where no user has one."""
        known = self.per_user[metric][~np.isnan(self.per_user[metric])]
        return float(known.mean()) if len(known) else float("nan")

    def interval(self, metric: Metric) -> Interval:
        """The mean over users and its 95 % interval over artists; NaN bounds of a mean of permutations."""
        if self.permutations:
            return Interval(self.value(metric), np.nan, np.nan)
        return _interval(self.value(metric), self.replicates[metric].means, least=0.0)


def evaluate(system: System, cold_start: ColdStart, k: int = 500) -> Result:
    """Judge a system by all metrics, with replicates over artists.

    Results with the same cold start are paired.

    Raises
    ------
    ValueError
        Vectors of the wrong shape, or not finite.
    """
    measured = measure(system, cold_start, k)
    users = np.asarray(system.user_vectors, dtype=np.float64)[cold_start.users]  # (n_users, d)
    items = np.ascontiguousarray(system.item_vectors, dtype=np.float64)
    artists, starts = cold_start.artists, cold_start.artist_starts
    means = {metric: UserMeans(len(starts)) for metric in METRICS}
    asked = (items, cold_start.positives, starts, cold_start.revealed)
    for counts in blocks_of_pairs(users, *asked):
        first = jackknife_first_songs(counts, artists, len(starts), k)
        for metric, per_user in (first | {"auc": jackknife_auc(counts, artists, len(starts))}).items():
            means[metric].add(per_user)
    for counts in blocks_of_pairs(users - users.mean(axis=0), *asked):
        means["auc_centred"].add(jackknife_auc(counts, artists, len(starts)))
    replicates = {metric: found.replicates for metric, found in means.items()}
    return replace(measured, replicates=replicates, artist_ids=cold_start.artist_ids[starts])


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
    value, replicates = _paired(a, b, metric)
    return _interval(value, replicates, least=-1.0)


def chance(a: Result, b: Result) -> float:
    """p that the AUC of a is above that of b by chance: random signs of the artists' parts in the difference.

    The parts are `earshot.evaluation.intervals.pseudo_values`. NaN where the artists are too few to say.
    """
    if len(a.artist_ids) < LEAST_ARTISTS:
        return float("nan")
    parts = pseudo_values(*_paired(a, b, "auc"))
    return float("nan") if np.isnan(parts).any() else sign_flip_p(parts)


def _paired(a: Result, b: Result, metric: Metric) -> tuple[float, Floats]:
    """a - b, and its replicates."""
    return a.value(metric) - b.value(metric), a.replicates[metric].means - b.replicates[metric].means


def _interval(value: float, replicates: Floats, least: float) -> Interval:
    """Inside `least` to 1, which is all that the measure can be; NaN bounds with too few artists."""
    if len(replicates) < LEAST_ARTISTS:
        return Interval(value, np.nan, np.nan)
    found = jackknife_interval(value, replicates)
    return Interval(value, *np.clip([found.low, found.high], least, 1.0).tolist())
