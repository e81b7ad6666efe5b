"""The exact factorization in blocks of rows, for workers that are not threads of one process.

A row of eq. 3 hangs on the other side's factors and its own plays alone, and is solved by the same code out
of the same X'X: the bytes are those of implicit's `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.executors import Pool, Shared, open_pool

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Factors = NDArray[np.float32]

_BLOCKS_A_WORKER = 4
"""So that none waits long for the last one."""


@dataclass(frozen=True)
class RowBlock:
    """Rows of a side, to be solved.

    Attributes
    ----------
    side
        `listeners` or `songs`.
    first, last
        Of its rows; the latter is the one behind.
    plays
        CSR of these rows: indptr (last - first + 1,), indices and data (n_plays,), float32.
    fixed
        Gram matrix X'X (factors, factors) and X (n_columns, factors) of the other side, float32.
    """

    side: str
    first: int
    last: int
    plays: Shared = field(repr=False)
    fixed: Shared | None = field(repr=False)
    regularization: float


def alternate(
    confidence: csr_matrix,
    item_factors: Factors,
    regularization: float,
    iterations: int,
    after_iteration: Callable[[Factors, Factors], None],
) -> None:
    """Sweep over users, then items, as often as `iterations` says, on the workers of the executor.

    Parameters
    ----------
    confidence
        As in `earshot.factors.wmf.fit`.
    item_factors
        What the first users are solved out of.
    after_iteration
        Called with users' and items' factors, float32 (n, factors) each.

    Raises
    ------
    ValueError
        Equations without a unique solution.
    """
    with open_pool(solve_block, max(confidence.shape), description="Factorizing plays") as pool:
        n_factors = item_factors.shape[1]
        listeners = _blocks(pool, "listeners", confidence, n_factors, regularization)
        songs = _blocks(pool, "songs", confidence.T.tocsr(), n_factors, regularization)
        for _ in range(iterations):
            user_factors = _solve(pool, listeners, item_factors)
            item_factors = _solve(pool, songs, user_factors)
            after_iteration(user_factors, item_factors)


def _blocks(
    pool: Pool[RowBlock, Factors], side: str, rows: csr_matrix, n_factors: int, regularization: float
) -> list[RowBlock]:
    """Some blocks for each worker, of as much work each."""
    # a row with n plays takes n factors^2 for its matrix and factors^3 / 3 for its solution
    work = np.cumsum(np.diff(rows.indptr) + n_factors / 3)  # (n_rows,)
    shares = np.linspace(0, work[-1], _BLOCKS_A_WORKER * pool.n_workers + 1)[1:-1]
    edges = np.unique([0, *np.searchsorted(work, shares), len(work)])
    return [
        RowBlock(side, int(first), int(last), pool.share(*_part(rows, first, last)), None, regularization)
        for first, last in pairwise(edges)
    ]


def _part(rows: csr_matrix, first: int, last: int) -> tuple[NDArray[Any], ...]:
    start, end = rows.indptr[first], rows.indptr[last]  # of the entries of these rows
    return rows.indptr[first : last + 1] - start, rows.indices[start:end], rows.data[start:end]


def _solve(pool: Pool[RowBlock, Factors], blocks: list[RowBlock], fixed: Factors) -> Factors:
    shared = pool.share(np.dot(fixed.T, fixed), fixed)  # X'X as implicit takes it
    return np.concatenate(list(pool.map([replace(block, fixed=shared) for block in blocks])))


def solve_block(block: RowBlock) -> Factors:
    """The factors of its rows, float32 (last - first, factors); zeros for a row without plays."""
    from implicit.cpu.als import _als

    assert block.fixed is not None
    # copies: implicit wants arrays that it could write into
    gram, fixed = (np.array(each) for each in block.fixed.get())
    indptr, indices, data = (np.array(each) for each in block.plays.get())
    solved = np.zeros((block.last - block.first, fixed.shape[1]), np.float32)
    _als._least_squares(gram, indptr, indices, data, solved, fixed, block.regularization, num_threads=1)
    return solved
