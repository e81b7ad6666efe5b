"""Several answers of one system as one: over folds, whose songs differ, and over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation.metrics import Floats
from earshot.evaluation.protocol import METRICS, Metric, Result


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
    )
    artist_ids, shares = _shares(results)
    return replace(pooled, artist_ids=artist_ids, influence=shares - shares.mean())


def _shares(results: Sequence[Result]) -> tuple[NDArray[np.object_], Floats]:
    """Each artist's part of the pooled AUC: in a fold its influence, and an equal part of the fold's AUC."""
    artist_ids, place = np.unique(
        np.concatenate([result.artist_ids for result in results]), return_inverse=True
    )
    users = np.array([np.count_nonzero(~np.isnan(result.per_user["auc"])) for result in results])
    parts = [
        n / users.sum() * (result.influence + (result.value("auc") if n else 0.0) / len(result.artist_ids))
        for n, result in zip(users, results, strict=True)
    ]
    shares = np.zeros(len(artist_ids))
    np.add.at(shares, place, np.concatenate(parts))
    return artist_ids, shares


def _replicates(results: Sequence[Result], metric: Metric) -> Floats:
    users = [np.count_nonzero(~np.isnan(result.per_user[metric])) for result in results]
    replicates = np.stack([result.replicates[metric] for result in results])
    mean: Floats = np.average(replicates, axis=0, weights=users)
    return mean
