"""Slow, plain definitions, straight from the protocol's words: whole rankings, loops over pairs."""

from __future__ import annotations

import numpy as np


def ranked(scores, relevant):
    """All songs, the best first: negatives first within a tied score."""
    return sorted(range(len(scores)), key=lambda song: (-scores[song], relevant[song]))


def average_precision(scores, relevant, k):
    """AP@k of one user."""
    if not any(relevant):
        return np.nan
    ranking = ranked(scores, relevant)
    hits, total = 0, 0.0
    for position, song in enumerate(ranking[:k], start=1):
        if relevant[song]:
            hits += 1
            total += hits / position
    return total / min(k, sum(relevant))


def recall(scores, relevant, k):
    """Share of one user's positives among the first k songs."""
    if not any(relevant):
        return np.nan
    return sum(relevant[song] for song in ranked(scores, relevant)[:k]) / sum(relevant)


def ndcg(scores, relevant, k):
    """nDCG@k of one user: the gain of the list by that of the best list there could be."""
    if not any(relevant):
        return np.nan
    gains = [float(relevant[song]) for song in ranked(scores, relevant)]
    return discounted(gains[:k]) / discounted(sorted(gains, reverse=True)[:k])


def discounted(gains):
    return sum(gain / np.log2(1 + position) for position, gain in enumerate(gains, start=1))


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
