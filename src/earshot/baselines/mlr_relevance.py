"""Which songs are alike for the listeners: what metric learning to rank learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Ints = NDArray[np.intp]

_QUERIES_AT_ONCE = 256


def most_similar(plays: csr_array, queries: Ints, candidates: Ints, k: int) -> csr_array:
    """The `k` candidates that share most listeners with each query.

    The similarity of two songs is the Jaccard index of their listeners, those of both
    over those of either, as McFee, Barrington and Lanckriet 2012 measure it.

    Parameters
    ----------
    plays
        (n_users, n), play counts.
    queries, candidates
        Columns of `plays`, (n_queries,) and (n_candidates,). A query is not similar to itself.
    k
        Fewer where fewer share a listener; of equally similar ones the first.

    Returns
    -------
    bool (n_queries, n_candidates)
    """
    from scipy.sparse import csc_array, csr_array, vstack

    heard = csc_array(plays.astype(bool).astype(np.float32))
    n_listeners, of_candidates = np.diff(heard.indptr), heard[:, candidates]
    blocks = []
    for first in range(0, len(queries), _QUERIES_AT_ONCE):
        block = queries[first : first + _QUERIES_AT_ONCE]
        shared = (heard[:, block].T @ of_candidates).toarray()
        shared[block[:, None] == candidates] = 0
        either = n_listeners[block, None] + n_listeners[candidates] - shared
        blocks.append(csr_array(_largest(shared / np.maximum(either, 1), k)))
    return vstack(blocks, format="csr")


def _largest(similarity: NDArray[np.floating], k: int) -> NDArray[np.bool_]:
    """Whether a number is among the `k` largest of its row, and above 0."""
    chosen = np.zeros(similarity.shape, dtype=np.bool_)
    best = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    np.put_along_axis(chosen, best, values=True, axis=1)
    return chosen & (similarity > 0)
