"""Rankings of songs by their distance from a query, and how they are wrong (McFee & Lanckriet 2010).

For a query q with relevant songs X+ and irrelevant ones X-, an ordering y has y_ij = 1 where
relevant song i comes before irrelevant song j, and -1 elsewhere. Its features are the partial order

    psi(q, y) = sum_ij y_ij (phi(q, i) - phi(q, j)) / (|X+| |X-|),   phi(q, i) = -(q - i)(q - i)'

so that <W, phi(q, i)> is the negative squared distance s_i under the metric W, and its loss is 1 - AUC, the
share of pairs in the wrong order. Against the ordering y* that has none, y gains

    loss(y) - <W, psi(q, y*) - psi(q, y)> = sum over wrong pairs (1 - 2 (s_i - s_j)) / (|X+| |X-|)

which is largest where exactly the pairs with s_i - s_j < 1/2 are in the wrong order; sorting by s,
with 1/2 added to the irrelevant songs', is such an ordering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy.sparse import csr_array

Doubles = NDArray[np.float64]

_QUERIES_AT_ONCE = 128


@dataclass(frozen=True)
class Queries:
    """Songs that ask for songs like them.

    Attributes
    ----------
    features
        (n_queries, d)
    candidates
        (n, d), features of the songs that are ranked.
    relevant
        bool (n_queries, n): X+; each query has one at least, and leaves one.
    own
        (n_queries,): which candidate the query is, neither in X+ nor in X-; -1 for none.
    """

    features: Doubles
    candidates: Doubles
    relevant: csr_array
    own: NDArray[np.intp]


class Constraint(NamedTuple):
    """An ordering for every query: any W must pay `loss` - <W, `difference`> of slack for it.

    Attributes
    ----------
    difference
        (d, d), mean of psi(q, y*) - psi(q, y) over the queries.
    loss
        Mean of 1 - AUC.
    """

    difference: Doubles
    loss: float


def most_violated(queries: Queries, metric: Doubles) -> Constraint:
    """The orderings, one a query, that ask `metric`, (d, d), for most slack."""
    n_queries, d = queries.features.shape
    difference, loss = np.zeros((d, d)), 0.0
    for block, scores in _scores(queries, metric):
        weights = np.zeros_like(scores)
        for query, own_scores, own_weights in zip(block, scores, weights, strict=True):
            loss += _weigh_wrong_pairs(own_scores, *_split(queries, query), own_weights)
        difference += _features(queries.features[block], queries.candidates, weights)
    return Constraint(difference / n_queries, loss / n_queries)


def mean_auc(queries: Queries, metric: Doubles) -> float:
    """Mean over queries of the share of pairs in the right order under `metric`; a tie counts half."""
    from scipy.stats import rankdata

    total = 0.0
    for block, scores in _scores(queries, metric):
        for query, own_scores in zip(block, scores, strict=True):
            relevant, irrelevant = _split(queries, query)
            n = len(relevant)
            # AUC from the sum of ranks of the relevant (Mann-Whitney)
            ranks = rankdata(np.concatenate([own_scores[relevant], own_scores[irrelevant]]))[:n]
            total += float(ranks.sum() - n * (n + 1) / 2) / (n * len(irrelevant))
    return total / len(queries.features)


def _scores(queries: Queries, metric: Doubles) -> Iterator[tuple[NDArray[np.intp], Doubles]]:
    """Some queries at a time, and s, (n_block, n)."""
    stretched = queries.candidates @ metric  # W i of every candidate, (n, d)
    lengths = (stretched * queries.candidates).sum(axis=1)  # i' W i, (n,)
    for first in range(0, len(queries.features), _QUERIES_AT_ONCE):
        block = np.arange(first, min(first + _QUERIES_AT_ONCE, len(queries.features)))
        features = queries.features[block]
        own = ((features @ metric) * features).sum(axis=1)
        # -(q - i)' W (q - i), multiplied out
        yield block, 2 * features @ stretched.T - lengths - own[:, None]


def _split(queries: Queries, query: np.intp) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The relevant and the irrelevant candidates of a query."""
    relevant = queries.relevant.indices[queries.relevant.indptr[query] : queries.relevant.indptr[query + 1]]
    others = np.ones(len(queries.candidates), dtype=np.bool_)
    others[relevant] = False
    if queries.own[query] >= 0:
        others[queries.own[query]] = False
    return np.asarray(relevant, dtype=np.intp), np.flatnonzero(others)


def _weigh_wrong_pairs(
    scores: Doubles, relevant: NDArray[np.intp], irrelevant: NDArray[np.intp], weights: Doubles
) -> float:
    """The loss of the most violated ordering; `weights` becomes what each phi(q, i) counts in it.

    That is twice the share of pairs in which i is wrong, with the sign of its side.
    """
    order = relevant[np.argsort(scores[relevant])]  # the farthest first
    too_near = np.searchsorted(scores[order], scores[irrelevant] + 0.5)  # relevant songs behind each
    # relevant song p is behind those irrelevant ones whose too_near is above p
    too_far = len(irrelevant) - np.cumsum(np.bincount(too_near, minlength=len(order) + 1))[:-1]
    pairs = len(order) * len(irrelevant)
    weights[order], weights[irrelevant] = 2 * too_far / pairs, -2 * too_near / pairs
    return float(too_far.sum() / pairs)


def _features(queries: Doubles, candidates: Doubles, weights: Doubles) -> Doubles:
    """Sum of `weights` (n_queries, n) x phi(q, i); each row of weights sums to 0."""
    cross = queries.T @ (weights @ candidates)  # sum of w q i', (d, d)
    # -(q - i)(q - i)' = q i' + i q' - i i' - q q'; the last drops out, as weights of a query sum to 0
    return np.asarray(cross + cross.T - (candidates.T * weights.sum(axis=0)) @ candidates)
