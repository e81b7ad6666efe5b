"""Ranks of the positives, counted, and the metrics that hang on them: AP, AUC, recall, nDCG.

Ranks are exact: negatives are counted over blocks of scores, nothing is sorted. Scores are float32 matrix
products, each wrong by a little. What lies too close to a positive to tell is compared again in float64,
summed in the same order wherever a song stands, so that equal vectors tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.evaluation.loops import count

USERS_AT_ONCE = 256

Vectors = NDArray[np.floating]


@dataclass(frozen=True)
class Standing:
    """Where the positives stand, `(n_positives,)` each, by user, then candidate.

    Attributes
    ----------
    above, tied
        Negatives of the user that score more than the positive; as much.
    place
        Place among the positives of the user, from 1; those of a tied score keep distinct ones.
    """

    above: Floats
    tied: Floats
    place: Floats


def stand(
    user_vectors: Vectors,
    users: Ints,
    item_vectors: Vectors,
    positives: csr_array,
    revealed: csr_array | None = None,
) -> tuple[Standing, Standing]:
    """Count as the scores are, and with the mean of the asked users' vectors subtracted from each.

    Centred scores are u.v - m.v, m the mean: one product serves both.

    Parameters
    ----------
    user_vectors
        `(n_all_users, d)`.
    users
        `(n_users,)`: rows of those who are asked.
    item_vectors
        `(n_candidates, d)`.
    positives
        `(n_users, n_candidates)`, indices sorted; at least one a user.
    revealed
        `(n_users, n_candidates)`: neither positives nor negatives; none unless given.

    Raises
    ------
    ValueError
        Vectors that are not finite.
    """
    items = np.ascontiguousarray(item_vectors, dtype=np.float64)
    means = np.stack([np.zeros(items.shape[1]), _mean(user_vectors, users)])  # (2, d): plain, centred
    longest = np.linalg.norm(items, axis=1).max(initial=0)
    if not np.isfinite([longest, *means[1]]).all():
        raise ValueError(f"user_vectors and item_vectors must be finite; the longest item has {longest}")
    shifts = (means @ items.T).astype(np.float32)  # (2, n_candidates): m.v
    no_negatives = positives if revealed is None else csr_array(positives + revealed)
    no_negatives.sort_indices()
    # CSR: candidates[starts[u] : starts[u + 1]] are those of user u
    starts, candidates = no_negatives.indptr.astype(np.int64), no_negatives.indices.astype(np.int64)
    rounding = longest * _rounding(items.shape[1])
    counts = np.empty((2, no_negatives.nnz, 3), dtype=np.int32)  # above, tied, place
    for first, vectors, scores in _blocks(user_vectors, users, items):
        own = starts[first : first + len(vectors) + 1]  # of these users; they index all of `counts`
        count(scores, shifts, rounding, (vectors, means, items), (own, candidates), counts)
    asked = None if revealed is None else _stored_in(no_negatives, positives)
    plain, centred = (_standing(kind.astype(np.float64), starts, asked) for kind in counts)
    return plain, centred


def _standing(counts: Floats, starts: Ints, asked: NDArray[np.bool_] | None) -> Standing:
    """Of those that are `asked`, `(n,)`, alone: the others leave the places among the positives."""
    if asked is not None:
        users = np.repeat(np.arange(len(starts) - 1), np.diff(starts))  # the user of each entry
        order = np.lexsort((counts[:, 2], users))  # by user, then place
        running = np.cumsum(asked[order])  # asked up to here, over all users
        before = np.concatenate([[0], running])[starts[:-1]]  # (n_users,): asked of the users before
        counts[order, 2] = running - before[users]
        counts = counts[asked]
    return Standing(*counts.T)


def _stored_in(matrix: csr_array, part: csr_array) -> NDArray[np.bool_]:
    """`(matrix.nnz,)`: which entries of a matrix are stored in `part` too."""
    # the sum has the entries of `matrix`, as `part` has no others: 2 where both have one
    inside: NDArray[np.bool_] = (matrix.astype(np.int8) + part.astype(np.int8)).data == 2
    return inside


def _mean(user_vectors: Vectors, users: Ints) -> Floats:
    total = np.zeros(user_vectors.shape[1])
    with np.errstate(invalid="ignore"):  # what is not finite stays so, and is refused
        for first in range(0, len(users), USERS_AT_ONCE):
            # float64 of a block at a time, never of all
            total += user_vectors[users[first : first + USERS_AT_ONCE]].astype(np.float64).sum(axis=0)
    return total / len(users)


def _blocks(user_vectors: Vectors, users: Ints, items: Floats) -> Iterator[tuple[int, Floats, Singles]]:
    """First user, vectors and scores, `(n, d)` and `(n, n_candidates)`, of some users at a time."""
    by_dimension = np.ascontiguousarray(items.T, dtype=np.float32)  # (d, n_candidates)
    held = np.empty((USERS_AT_ONCE, len(items)), dtype=np.float32)
    for first in range(0, len(users), USERS_AT_ONCE):
        vectors = user_vectors[users[first : first + USERS_AT_ONCE]]
        scores = np.matmul(vectors.astype(np.float32, copy=False), by_dimension, out=held[: len(vectors)])
        yield first, np.ascontiguousarray(vectors, dtype=np.float64), scores


def _rounding(d: int) -> float:
    """How far apart two float32 scores must be to be told apart, by |u| |v|.

    The rounding of a sum of d products grows with sqrt(d) (Higham and Mary, A new approach to
    probabilistic rounding error analysis, 2019); 8 more are for the conversions and the centring.
    Together that is eight times the largest error of a million random scores.
    """
    return float(2 * (2 * np.sqrt(d) + 8) * 2.0**-24)  # 2^-24: unit roundoff of float32


Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
"""Counts and halves of them: float32 holds those below 2^23 exactly."""
Ints = NDArray[np.int64]

Metric = Literal["map", "auc", "auc_centred", "recall", "ndcg"]
"""`map` and `ndcg` look at the first k songs, `recall` at a tenth (`recall_depth`), `auc` at all.
`auc_centred` has the mean user vector subtracted."""

METRICS: tuple[Metric, ...] = ("map", "auc", "auc_centred", "recall", "ndcg")


def recall_depth(k: int, n_candidates: int) -> int:
    """How many songs recall looks at: a tenth of the candidates, rounded up, and at most `k`.

    Among no more than k candidates recall@k would be 1 for everybody.
    """
    return min(k, -(-n_candidates // 10))


def first_songs(k: int, depth: int, places: Floats, ranks: Floats, firsts: Ints) -> dict[Metric, Floats]:
    """AP@k, nDCG@k and recall@depth of every user.

    With n positives of a user at ranks r_1 < r_2 < ...

        AP@k         = sum over r_j <= k of j / r_j, by min(k, n)
        nDCG@k       = sum over r_j <= k of 1 / log2(1 + r_j), by the same sum for r_j = j
        recall@depth = how many r_j <= depth, by n

    Parameters
    ----------
    places
        `(n_positives, ...)`: j, of each positive among those of its user.
    ranks
        `(n_positives, ...)`, from 1; NaN for a positive that takes no part.
    firsts
        `(n_users,)`: the first positive of every user, of whom there is one at least.

    Returns
    -------
    `(n_users, ...)` each; NaN for a user left without a positive.
    """
    inside = ranks <= k
    n = sum_by_user(~np.isnan(ranks), firsts)
    # ideal[j - 1]: DCG of j positives at ranks 1 to j
    ideal = np.cumsum(1 / np.log2(1 + np.arange(1.0, 1 + min(k, n.max(initial=0)))))
    best = np.concatenate([[np.nan], ideal])  # by number of positives, NaN for none
    listed = np.minimum(k, n)
    n_or_nan = np.where(n > 0, n, np.nan)
    return {
        "map": sum_by_user(np.where(inside, places / ranks, 0.0), firsts) / np.minimum(k, n_or_nan),
        "recall": sum_by_user(ranks <= depth, firsts) / n_or_nan,
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
        per_positive = (negatives - above - tied / 2) / negatives  # (below + tied / 2) / negatives
    return per_positive, sum_by_user(per_positive, firsts) / np.diff(firsts, append=len(per_positive))


def sum_by_user(values: NDArray[np.floating] | NDArray[np.bool_], firsts: Ints) -> Floats:
    """`(n_users, ...)` sums of `(n_positives, ...)` values."""
    # values[firsts[u]:firsts[u + 1]] of each user; an empty run would give its first row, not 0
    return np.add.reduceat(values, firsts, axis=0, dtype=np.float64)
