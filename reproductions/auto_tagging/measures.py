"""How well tags are told: ROC-AUC and PR-AUC of each tag, their mean over tags, intervals over artists.

The mean over tags is the papers' figure, "macro". PR-AUC is average precision: the mean over a tag's songs of
the precision among those that score at least as much. Intervals are by the jackknife over artists
(`earshot.evaluation.intervals`), of differences paired: songs of one artist sound alike and have the same
tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earshot.artists import LEAST_ARTISTS
from earshot.evaluation.intervals import (
    Interval,
    Replicates,
    UserMeans,
    clearly_above,
    jackknife_auc,
    jackknife_interval,
    pool_replicates,
    pseudo_values,
    sign_flip_p,
)
from earshot.evaluation.pairs import ArtistPairs, count_pairs
from earshot.evaluation.tables import rounded

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Metric = Literal["auc", "pr_auc"]
METRICS: tuple[Metric, ...] = ("auc", "pr_auc")

N_PERMUTATIONS = 20


@dataclass(frozen=True)
class TagResult:
    """How one system tells tags.

    Attributes
    ----------
    per_tag
        Metric -> `(n_tags,)`, of several folds one after the other; NaN for a tag that was not judged.
    replicates
        Metric -> the mean over tags with each artist of `artist_ids` deleted in turn.
    artist_ids
        `(n_artists,)`: those asked about.
    permutations
        Metric -> `(n_permutations,)`: what each gave, of a system that is the mean of several; else nothing.
    """

    per_tag: dict[Metric, Floats]
    replicates: dict[Metric, Replicates]
    artist_ids: NDArray[np.object_]
    permutations: dict[Metric, Floats] = field(default_factory=dict)

    def value(self, metric: Metric) -> float:
        """Mean over the tags that were judged; NaN where none was."""
        known = self.per_tag[metric][~np.isnan(self.per_tag[metric])]
        return float(known.mean()) if len(known) else float("nan")

    def interval(self, metric: Metric) -> Interval:
        """The mean over tags and its 95 % interval over artists; NaN bounds of a mean of permutations."""
        if self.permutations:
            return Interval(self.value(metric), np.nan, np.nan)
        return _interval(self.value(metric), self.replicates[metric].means, least=0.0)


def tag_metrics(
    scores: ArrayLike, labels: ArrayLike, artists: ArrayLike, judged: ArrayLike | None = None
) -> TagResult:
    """Judge the scores of held-out songs; results of the same labels and artists are paired.

    Parameters
    ----------
    scores
        `(n_songs, n_tags)`; only their order within a tag counts. A tie counts half (AUC), or as one step
        (PR-AUC).
    labels
        bool `(n_songs, n_tags)`.
    artists
        `(n_songs,)`: the artist of each song, of any type that can be sorted.
    judged
        bool `(n_tags,)`: tags that take part; all that some songs have and others lack unless given.

    Raises
    ------
    ValueError
        Arrays of different lengths, or scores of a tag that is judged that are NaN.
    """
    given, has, taking_part = _checked(scores, labels, artists, judged)
    order = np.argsort(np.asarray(artists), kind="stable")  # songs of one artist side by side
    artist_ids, starts, numbers = np.unique(
        np.asarray(artists)[order], return_index=True, return_inverse=True
    )
    means = {metric: UserMeans(len(artist_ids)) for metric in METRICS}
    for tag in np.flatnonzero(taking_part):
        counts = count_pairs(given[None, order, tag], has[None, order, tag], starts)
        means["auc"].add(jackknife_auc(counts, numbers, len(starts)))
        means["pr_auc"].add(_jackknife_precision(counts, numbers, len(starts)))
    found = {metric: means[metric].replicates for metric in METRICS}
    return TagResult(_per_tag(given, has, taking_part), found, artist_ids.astype(object))


def _checked(
    scores: ArrayLike, labels: ArrayLike, artists: ArrayLike, judged: ArrayLike | None
) -> tuple[Floats, Bools, Bools]:
    given, has = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.bool_)
    if given.shape != has.shape or len(np.asarray(artists)) != len(has):
        raise ValueError(
            f"scores {given.shape}, labels {has.shape}, artists {np.shape(artists)}: wanted "
            "(n_songs, n_tags) twice and (n_songs,)"
        )
    taking_part: Bools = np.asarray(has.any(axis=0) & ~has.all(axis=0))
    if judged is not None:
        taking_part = taking_part & np.asarray(judged, dtype=np.bool_)
    if np.isnan(given[:, taking_part]).any():
        raise ValueError("scores of a tag that is judged are NaN")
    return given, has, taking_part


def _per_tag(scores: Floats, labels: Bools, judged: Bools) -> dict[Metric, Floats]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    values = np.full((2, len(judged)), np.nan)
    for tag in np.flatnonzero(judged):
        has, given = (
            labels[:, tag],
            np.unique(scores[:, tag], return_inverse=True)[1],
        )  # ranks: -inf is refused
        values[:, tag] = roc_auc_score(has, given), average_precision_score(has, given)
    return {"auc": values[0], "pr_auc": values[1]}


def _jackknife_precision(counts: ArtistPairs, artists: NDArray[np.int64], n_artists: int) -> Floats:
    """Average precision of one tag with each artist deleted, `(1, n_artists)`; NaN without a song of it.

    With n songs of the tag, p_i of them and f_i others that score at least as much as song i of it: the mean
    over i of p_i / (p_i + f_i).
    """
    own = artists[counts.candidates]  # (n,)
    reached = counts.scores[None] >= counts.scores[:, None]  # (n, n): whether song j scores as much as i
    member = (own[:, None] == np.arange(n_artists)).astype(np.float32)  # (n, n_artists)
    hits = reached.astype(np.float32) @ member
    p = hits.sum(axis=1, keepdims=True) - hits  # (n, n_artists), without each artist
    f = counts.not_below.sum(axis=1, keepdims=True) - counts.not_below
    left = member == 0  # whether song i is left without that artist; it then reaches itself, so p >= 1
    n_left = left.sum(axis=0)
    precision = np.divide(p, p + f, out=np.zeros_like(p), where=left).sum(axis=0, dtype=np.float64)
    value: Floats = np.divide(precision, n_left, out=np.full(n_artists, np.nan), where=n_left > 0)
    return value[None]


def permuted(
    scores: ArrayLike, labels: ArrayLike, artists: ArrayLike, judged: ArrayLike | None = None, *, seed: int
) -> TagResult:
    """The mean of `N_PERMUTATIONS` permutations of `scores` among the songs, given as to `tag_metrics`.

    Over permutations a song with a tag stands as likely above as below every one without it, whoever the
    artists are: replicates are constant, and the spread is over permutations.
    """
    given, has, taking_part = _checked(scores, labels, artists, judged)
    draws = [
        _per_tag(given[np.random.default_rng([seed, number]).permutation(len(given))], has, taking_part)
        for number in range(N_PERMUTATIONS)
    ]
    per_tag = {metric: np.mean([draw[metric] for draw in draws], axis=0) for metric in METRICS}
    artist_ids, n_judged = np.unique(np.asarray(artists)).astype(object), int(taking_part.sum())
    means = TagResult(per_tag, {}, artist_ids)
    constant = {
        metric: Replicates(
            np.full(len(artist_ids), means.value(metric)), np.full(len(artist_ids), n_judged, dtype=np.int64)
        )
        for metric in METRICS
    }
    spread = {metric: np.array([np.nanmean(draw[metric]) for draw in draws]) for metric in METRICS}
    return replace(means, replicates=constant, permutations=spread)


def pool(results: Sequence[TagResult]) -> TagResult:
    """The tags of several folds and seeds together; a replicate leaves the same artist out of every one."""
    every = [result.artist_ids for result in results]
    artist_ids, places = np.unique(np.concatenate(every), return_inverse=True)
    rows = np.split(places, np.cumsum([len(some) for some in every])[:-1])
    per_tag = {metric: [result.per_tag[metric] for result in results] for metric in METRICS}
    return TagResult(
        {metric: np.concatenate(per_tag[metric]) for metric in METRICS},
        {
            metric: pool_replicates(
                per_tag[metric], [result.replicates[metric] for result in results], rows, len(artist_ids)
            )
            for metric in METRICS
        },
        artist_ids,
        _pooled_permutations(results),
    )


def _pooled_permutations(results: Sequence[TagResult]) -> dict[Metric, Floats]:
    if not all(result.permutations for result in results):
        return {}
    tags = {
        metric: [np.count_nonzero(~np.isnan(result.per_tag[metric])) for result in results]
        for metric in METRICS
    }
    return {
        metric: np.average([r.permutations[metric] for r in results], axis=0, weights=tags[metric])
        for metric in METRICS
    }


def difference(a: TagResult, b: TagResult, metric: Metric) -> Interval:
    """a - b with its paired 95 % interval over artists."""
    value, replicates = _paired(a, b, metric)
    return _interval(value, replicates, least=-1.0)


def describe(result: TagResult) -> dict[str, Any]:
    """Every metric and its `..._ci95_artists`, null where nothing can be said, `n_artists` and `n_tags`.

    A tag counts once a fold and seed.

    Of a mean of permutations also `..._permutations`: the least and the most of them.
    """
    spread = {
        f"{metric}_permutations": [rounded(values.min()), rounded(values.max())]
        for metric, values in result.permutations.items()
    }
    found = {metric: result.interval(metric) for metric in METRICS}
    n_tags = int(np.count_nonzero(~np.isnan(result.per_tag["auc"])))
    return {**_named(found), **spread, "n_artists": len(result.artist_ids), "n_tags": n_tags}


def compare(a: TagResult, b: TagResult) -> dict[str, Any]:
    """a - b with paired intervals, `auc_p`, that it is above by chance, and `beats`: `clearly_above`."""
    found, p = {metric: difference(a, b, metric) for metric in METRICS}, _chance(a, b)
    above = clearly_above(found["auc"], p, found["pr_auc"])
    return {**_named(found), "n_artists": len(a.artist_ids), "auc_p": rounded(p), "beats": above}


def differences(results: Mapping[str, TagResult]) -> dict[str, dict[str, Any]]:
    """Every pair of systems, the later one minus the earlier, as `<later>_minus_<earlier>`."""
    return {f"{b}_minus_{a}": compare(results[b], results[a]) for a, b in combinations(results, 2)}


def _chance(a: TagResult, b: TagResult) -> float:
    """As `earshot.evaluation.protocol.chance`."""
    if len(a.artist_ids) < LEAST_ARTISTS:
        return float("nan")
    parts = pseudo_values(*_paired(a, b, "auc"))
    return float("nan") if np.isnan(parts).any() else sign_flip_p(parts)


def _paired(a: TagResult, b: TagResult, metric: Metric) -> tuple[float, Floats]:
    return a.value(metric) - b.value(metric), a.replicates[metric].means - b.replicates[metric].means


def _interval(value: float, replicates: Floats, least: float) -> Interval:
    """Inside `least` to 1; NaN bounds with too few artists."""
    if len(replicates) < LEAST_ARTISTS:
        return Interval(value, np.nan, np.nan)
    found = jackknife_interval(value, replicates)
    return Interval(value, *np.clip([found.low, found.high], least, 1.0).tolist())


def _named(intervals: Mapping[Metric, Interval]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for metric, found in intervals.items():
        named[metric] = rounded(found.value)
        named[f"{metric}_ci95_artists"] = [rounded(found.low), rounded(found.high)]
    return named
