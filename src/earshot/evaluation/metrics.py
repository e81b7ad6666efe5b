"""AP@k and AUC from the ranks of the positives alone: negatives are counted, rankings never sorted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
"""Counts and halves of them: float32 holds those below 2^23 exactly."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PairCounts:
    """Every positive of a few users against the negatives of the same user, counted by artist.

    Rows are (user, positive candidate) pairs, ordered by user, then candidate.

    Attributes
    ----------
    users, candidates
        `(n_positives,)`: row of the user, column of the candidate.
    scores
        `(n_positives,)`: the score of each pair.
    negatives
        `(n_positives, n_artists)`: negatives of that user by that artist.
    not_below
        `(n_positives, n_artists)`: those that score as much as the positive, or more.
    wins
        `(n_positives, n_artists)`: those that score less, and half of those that tie.
    """

    users: Ints
    candidates: Ints
    scores: Floats
    negatives: Singles
    not_below: Singles
    wins: Singles


def count_pairs(scores: Floats, relevant: NDArray[np.bool_], artist_starts: Ints) -> PairCounts:
    """Count, for every positive, the negatives below, tied and above.

    Parameters
    ----------
    scores
        `(n_users, n_candidates)`, candidates of one artist side by side.
    relevant
        `(n_users, n_candidates)`: which candidates are positives; at least one a user.
    artist_starts
        `(n_artists,)`: first candidate of every artist.
    """
    users, candidates = np.nonzero(relevant)
    own = scores[users, candidates]
    others = np.where(relevant, np.nan, scores)[users]  # NaN, so that a positive is counted by neither

    def by_artist(mask: NDArray[np.bool_]) -> Singles:
        return np.add.reduceat(mask, artist_starts, axis=1, dtype=np.float32)

    negatives = by_artist(~relevant)[users]
    above = by_artist(others > own[:, None])
    not_below = by_artist(others >= own[:, None])
    return PairCounts(
        users, candidates, own, negatives, not_below, negatives - (above + not_below) * np.float32(0.5)
    )


def auc(counts: PairCounts) -> tuple[Floats, Floats]:
    """AUC over the whole ranking, a tie counted half.

    Returns
    -------
    per_positive
        `(n_positives,)`: share of the user's negatives below this positive; NaN without negatives.
    per_user
        `(n_users,)`: its mean over the user's positives.
    """
    with np.errstate(invalid="ignore"):
        per_positive = counts.wins.sum(axis=1, dtype=np.float64) / counts.negatives.sum(axis=1)
    return per_positive, sum_by_user(per_positive, counts.users) / sum_by_user(
        np.ones_like(per_positive), counts.users
    )


def average_precision(
    users: Ints, scores: Floats, negatives_not_below: Floats, k: int, kept: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """AP@k = sum over positions up to k of P_position * relevant_position / min(k, n_positives).

    Within a tied score negatives come first and positives keep distinct places.

    Parameters
    ----------
    users, scores
        `(n_positives,)`: the positives, users in ascending order.
    negatives_not_below
        `(n_positives,)`: negatives of the user that score as much, or more.
    k
        The list's length.
    kept
        `(n_positives,)`: positives that take part; the others are not there.

    Returns
    -------
    ranks
        `(n_positives,)`, from 1; NaN for a positive that takes no part.
    per_user
        `(n_users,)`; NaN for a user left without a positive.
    """
    order = np.lexsort((-scores, users))
    taking_part = kept[order].astype(np.float64)
    first = np.flatnonzero(np.diff(users, prepend=-1))  # of each user, in either order
    running = np.cumsum(taking_part)
    before = (running - taking_part)[first]
    n_kept = sum_by_user(taking_part, users)
    place = running - np.repeat(before, np.diff(np.append(first, len(users))))
    rank = place + negatives_not_below[order]
    precision = np.where(rank <= k, taking_part * place / np.maximum(rank, 1), 0.0)
    with np.errstate(invalid="ignore"):
        per_user = sum_by_user(precision, users) / np.where(n_kept > 0, np.minimum(k, n_kept), np.nan)
    ranks = np.empty_like(rank)
    ranks[order] = np.where(taking_part > 0, rank, np.nan)
    return ranks, per_user


def sum_by_user(values: NDArray[np.float64], users: Ints) -> Floats:
    """`(n_users, ...)` sums of `(n_positives, ...)` values; `users` ascending, each at least once."""
    return np.add.reduceat(values, np.flatnonzero(np.diff(users, prepend=-1)), axis=0)
