"""The ranks of the positives, exact: negatives are counted over blocks of scores, nothing is sorted.

Scores are float32 matrix products, each wrong by a little. What lies too close to
a positive to tell is compared again in float64, summed in the same order
wherever a song stands, so that equal vectors tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.evaluation.loops import count
from earshot.evaluation.metrics import Floats, Ints, Singles

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
    means = np.stack([np.zeros(items.shape[1]), _mean(user_vectors, users)])
    longest = np.linalg.norm(items, axis=1).max(initial=0)
    if not np.isfinite([longest, *means[1]]).all():
        raise ValueError("user_vectors and item_vectors must be finite")
    shifts = (means @ items.T).astype(np.float32)
    no_negatives = positives if revealed is None else csr_array(positives + revealed)
    no_negatives.sort_indices()
    starts, candidates = no_negatives.indptr.astype(np.int64), no_negatives.indices.astype(np.int64)
    rounding = longest * _rounding(items.shape[1])
    counts = np.empty((2, no_negatives.nnz, 3), dtype=np.int32)
    for first, vectors, scores in _blocks(user_vectors, users, items):
        own = starts[first : first + len(vectors) + 1]
        count(scores, shifts, rounding, (vectors, means, items), (own, candidates), counts)
    asked = None if revealed is None else _stored_in(no_negatives, positives)
    plain, centred = (_standing(kind.astype(np.float64), starts, asked) for kind in counts)
    return plain, centred


def _standing(counts: Floats, starts: Ints, asked: NDArray[np.bool_] | None) -> Standing:
    """Of those that are `asked`, `(n,)`, alone: the others leave the places among the positives."""
    if asked is not None:
        users = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        order = np.lexsort((counts[:, 2], users))
        running = np.cumsum(asked[order])
        before = np.concatenate([[0], running])[starts[:-1]]
        counts[order, 2] = running - before[users]
        counts = counts[asked]
    return Standing(*counts.T)


def _stored_in(matrix: csr_array, part: csr_array) -> NDArray[np.bool_]:
    """`(matrix.nnz,)`: which entries of a matrix are stored in `part` too."""
    inside: NDArray[np.bool_] = (matrix.astype(np.int8) + part.astype(np.int8)).data == 2
    return inside


def _mean(user_vectors: Vectors, users: Ints) -> Floats:
    total = np.zeros(user_vectors.shape[1])
    with np.errstate(invalid="ignore"):  # what is not finite stays so, and is refused
        for first in range(0, len(users), USERS_AT_ONCE):
            total += user_vectors[users[first : first + USERS_AT_ONCE]].astype(np.float64).sum(axis=0)
    return total / len(users)


def _blocks(user_vectors: Vectors, users: Ints, items: Floats) -> Iterator[tuple[int, Floats, Singles]]:
    """First user, vectors and scores, `(n, d)` and `(n, n_candidates)`, of some users at a time."""
    by_dimension = np.ascontiguousarray(items.T, dtype=np.float32)
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
    return float(2 * (2 * np.sqrt(d) + 8) * 2.0**-24)
