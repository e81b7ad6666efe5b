"""Replicates over artists and the intervals they give.

Songs of one artist sound alike and are heard by the same people, so they are
not independent: intervals over users alone are several times too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from scipy.sparse import csr_array

from earshot.evaluation.metrics import Floats, Ints, PairCounts, Singles, average_precision

GROUPS = 20
"""Groups of artists of the jackknife."""


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval; NaN bounds where the artists are too few to say."""

    value: float
    low: float
    high: float


def multiplicities(n_artists: int, bootstraps: int, seed: int) -> Singles:
    """`(n_artists, bootstraps)`: how often each replicate draws each artist, with replacement."""
    draws = np.random.default_rng(seed).multinomial(n_artists, np.full(n_artists, 1 / n_artists), bootstraps)
    return np.ascontiguousarray(draws.T, dtype=np.float32)


def jackknife_groups(artist_ids: Sequence[str]) -> Ints:
    """`(n,)`: the group of every artist, blake2b(artist_id) mod 20."""
    digests = (blake2b(artist.encode(), digest_size=8).digest() for artist in artist_ids)
    return np.array([int.from_bytes(digest, "big") % GROUPS for digest in digests], dtype=np.int64)


def bootstrap_auc(counts: PairCounts, artists: Ints, drawn: Singles) -> Floats:
    """AUC of every user in every replicate.

    Each (positive, negative) pair is weighted by both artists' multiplicities.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    drawn
        `(n_artists, n_replicates)` multiplicities.

    Returns
    -------
    `(n_users, n_replicates)`; NaN where a user is left without a positive or without a negative.
    """
    own = artists[counts.candidates]
    first = np.flatnonzero(np.diff(counts.users, prepend=-1))
    won = (counts.wins @ drawn) * drawn[own]
    wins = np.add.reduceat(won, first, axis=0, dtype=np.float64)
    ones = np.ones(len(own), dtype=np.float32)
    positives = csr_array((ones, own, np.append(first, len(own))), (len(first), len(drawn))) @ drawn
    pairs = positives.astype(np.float64) * (counts.negatives[first] @ drawn)
    with np.errstate(invalid="ignore"):
        return wins / np.where(pairs > 0, pairs, np.nan)


def jackknife_average_precision(counts: PairCounts, groups: Ints, artists: Ints, k: int) -> Floats:
    """AP@k of every user with each group of artists deleted from candidates and positives.

    Parameters
    ----------
    groups
        `(n_artists,)`: the group of every artist.
    artists
        `(n_candidates,)`: the artist of every candidate.

    Returns
    -------
    `(n_users, 20)`; NaN where a user is left without a positive.
    """
    own = groups[artists[counts.candidates]]
    by_group = counts.not_below @ (groups[:, None] == np.arange(GROUPS)).astype(np.float64)
    total = by_group.sum(axis=1)
    return np.stack(
        [
            average_precision(counts.users, counts.scores, total - by_group[:, group], k, own != group)[1]
            for group in range(GROUPS)
        ],
        axis=1,
    )


def percentile_interval(value: float, replicates: Floats) -> Interval:
    """The 2.5th and 97.5th percentile of bootstrap replicates; those without any user are left out."""
    known = replicates[~np.isnan(replicates)]
    if not len(known):
        return Interval(value, np.nan, np.nan)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def jackknife_interval(value: float, replicates: Floats) -> Interval:
    """Student's t with 19 degrees of freedom on the variance of 20 deleted-group replicates.

    Variance = 19/20 * sum of squared differences from the replicates' mean
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, eq. 11.5).
    """
    from scipy.stats import t

    spread = np.sqrt((GROUPS - 1) / GROUPS * np.square(replicates - replicates.mean()).sum())
    half = float(t.ppf(0.975, GROUPS - 1) * spread)
    return Interval(value, value - half, value + half)
