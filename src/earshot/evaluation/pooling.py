"""Several answers of one system as one: over folds, whose songs differ, and over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from earshot.evaluation.metrics import Floats
from earshot.evaluation.protocol import METRICS, Metric, Result


def pool(results: Sequence[Result]) -> Result:
    """All users together; a replicate is the mean of theirs, weighted by how many users each has.

    Results of one fold have the same artists in each replicate whatever the seed,
    and a group of the jackknife holds the same artists in every fold, so that
    pooled results of two systems are paired as theirs are.
    """
    return Result(
        {metric: np.concatenate([result.per_user[metric] for result in results]) for metric in METRICS},
        {metric: _replicates(results, metric) for metric in METRICS},
        np.concatenate([result.positive_auc for result in results]),
        np.concatenate([result.positive_rank for result in results]),
        np.unique(np.concatenate([result.artist_ids for result in results])),
    )


def _replicates(results: Sequence[Result], metric: Metric) -> Floats:
    users = [np.count_nonzero(~np.isnan(result.per_user[metric])) for result in results]
    replicates = np.stack([result.replicates[metric] for result in results])
    mean: Floats = np.average(replicates, axis=0, weights=users)
    return mean
