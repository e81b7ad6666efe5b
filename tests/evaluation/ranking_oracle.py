"""Slow, plain definitions, straight from the protocol's words: whole rankings, loops over pairs."""

from __future__ import annotations

import numpy as np


def average_precision(scores, relevant, k):
    """AP@k of one user: negatives first within a tied score."""
    if not any(relevant):
        return np.nan
    ranking = sorted(range(len(scores)), key=lambda song: (-scores[song], relevant[song]))
    hits, total = 0, 0.0
    for position, song in enumerate(ranking[:k], start=1):
        if relevant[song]:
            hits += 1
            total += hits / position
    return total / min(k, sum(relevant))


def auc(scores, relevant, weights=None):
    """AUC of one user, every (positive, negative) pair weighted by both songs' weights."""
    weights = np.ones(len(scores)) if weights is None else weights
    won = pairs = 0.0
    for positive in np.flatnonzero(relevant):
        for negative in np.flatnonzero(~np.asarray(relevant)):
            weight = weights[positive] * weights[negative]
            pairs += weight
            difference = scores[positive] - scores[negative]
            won += weight * (1.0 if difference > 0 else 0.5 if difference == 0 else 0.0)
    return won / pairs if pairs else np.nan
