"""What is said of a ranking, from the ranks of the positives alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
"""Counts and halves of them: float32 holds those below 2^23 exactly."""
Ints = NDArray[np.int64]

Metric = Literal["map", "auc", "auc_centred", "recall", "ndcg"]
"""`map`, `recall` and `ndcg` look at the first k songs, `auc` at all; `auc_centred` has the mean user
vector subtracted."""

METRICS: tuple[Metric, ...] = ("map", "auc", "auc_centred", "recall", "ndcg")


def first_songs(k: int, places: Floats, ranks: Floats, firsts: Ints) -> dict[Metric, Floats]:
    """AP@k, recall@k and nDCG@k of every user.

    With n positives of a user at ranks r_1 < r_2 < ...

        AP@k     = sum over r_j <= k of j / r_j, by min(k, n)
        recall@k = how many r_j <= k, by n
        nDCG@k   = sum over r_j <= k of 1 / log2(1 + r_j), by the same sum for r_j = j

    Parameters
    ----------
    places
        `(n_positives,)`: j, of each positive among those of its user.
    ranks
        `(n_positives,)`, from 1; NaN for a positive that takes no part.
    firsts
        `(n_users,)`: the first positive of every user, of whom there is one at least.

    Returns
    -------
    `(n_users,)` each; NaN for a user left without a positive.
    """
    inside = ranks <= k
    n = sum_by_user(~np.isnan(ranks), firsts)
    ideal = np.cumsum(1 / np.log2(1 + np.arange(1.0, 1 + min(k, n.max(initial=0)))))
    best = np.concatenate([[np.nan], ideal])
    listed = np.minimum(k, n)
    n_or_nan = np.where(n > 0, n, np.nan)
    return {
        "map": sum_by_user(np.where(inside, places / ranks, 0.0), firsts) / np.minimum(k, n_or_nan),
        "recall": sum_by_user(inside, firsts) / n_or_nan,
        "ndcg": sum_by_user(np.where(inside, 1 / np.log2(1 + ranks), 0.0), firsts)
        / best[listed.astype(np.int64)],
    }


def auc(above: Floats, tied: Floats, negatives: Floats, firsts: Ints) -> tuple[Floats, Floats]:
    """AUC over the whole ranking, a tie counted half.

    Parameters
    ----------
    above, tied, negatives
        `(n_positives,)`: negatives of the user that score more than the positive,
        those that score as much, and all.
    firsts
        `(n_users,)`: the first positive of every user.

    Returns
    -------
    per_positive
        `(n_positives,)`: share of the user's negatives below this positive; NaN without negatives.
    per_user
        `(n_users,)`: its mean over the user's positives.
    """
    with np.errstate(invalid="ignore"):
        per_positive = (negatives - above - tied / 2) / negatives
    return per_positive, sum_by_user(per_positive, firsts) / np.diff(firsts, append=len(per_positive))


def sum_by_user(values: NDArray[np.floating] | NDArray[np.bool_], firsts: Ints) -> Floats:
    """`(n_users, ...)` sums of `(n_positives, ...)` values."""
    return np.add.reduceat(values, firsts, axis=0, dtype=np.float64)
