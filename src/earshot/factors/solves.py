"""Confidence (van den Oord et al. 2013, eq. 2), and exact row solves of eq. 3 for rows no fit has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def confidence(play_counts: csr_array, alpha: float, epsilon: float) -> csr_array:
    """c_ui = 1 + alpha log(1 + r_ui / epsilon), eq. 2, at the plays alone.

    Parameters
    ----------
    play_counts
        r, float32 (n_users, n_items); each stored entry positive.
    alpha, epsilon
        As in the paper; both positive.

    Returns
    -------
    float32 (n_users, n_items), stored where `play_counts` is. Elsewhere c is 1,
    which is not stored.

    Example
    -------
    >>> from scipy.sparse import csr_array
    >>> confidence(csr_array([[0.0, 3.0]]), alpha=2.0, epsilon=1.0).data  # 1 + 2 log 4
    array([3.7725887], dtype=float32)
    """
    from scipy.sparse import csr_array

    counts = play_counts.data.astype(np.float64)
    values = 1 + alpha * np.log1p(counts / epsilon)  # (n_plays,): eq. 2 at the stored entries
    return csr_array(
        (values.astype(np.float32), play_counts.indices, play_counts.indptr), shape=play_counts.shape
    )


Factors = NDArray[np.float32]
Doubles = NDArray[np.float64]

_ROWS_AT_ONCE = 4096


def solve_rows(
    confidence: csr_array, fixed_factors: Factors, regularization: float, gram: Doubles | None = None
) -> Factors:
    """Minimize eq. 3 over the factors of each row, the other side held fixed.

    For a row with confidences c at columns with factors x (Hu et al. 2008, eq. 4)

        y = (X'X + lambda I + sum (c - 1) x x')^-1 sum c x

    Parameters
    ----------
    confidence
        (n_rows, n_columns), as in `earshot.factors.wmf.fit`: songs x listeners
        folds songs in, listeners x songs folds listeners in.
    fixed_factors
        X, float32 (n_columns, factors).
    regularization
        lambda.
    gram
        X'X, float64 (factors, factors), where the other side has more columns than those of `confidence`;
        None: it is that of `fixed_factors`.

    Returns
    -------
    float32 (n_rows, factors); zeros for a row without plays.

    Raises
    ------
    UserError
        Equations without a unique solution, as happens with regularization 0.
    """
    prior = np.zeros((confidence.shape[0], fixed_factors.shape[1]), dtype=np.float32)
    # weight 0: nothing but the plays
    return _solve(confidence, fixed_factors, regularization, prior, np.zeros(len(prior)), gram)


def solve_items_with_prediction(
    confidence: csr_array, user_factors: Factors, regularization: float, predicted: Factors, n0: float
) -> Factors:
    """Factors of songs from their listeners so far and from a prediction out of their sound.

    A song with n listeners solves

        (X'X + lambda I + sum (c - 1) x x') y = sum c x + max(0, 1 - n / n0) (X'X + lambda I) y_hat

    so that n = 0 gives y_hat exactly, and n0 listeners or more give `solve_rows`.

    Parameters
    ----------
    confidence
        (n_songs, n_users), as in `solve_rows`.
    user_factors
        X, float32 (n_users, factors).
    regularization
        lambda.
    predicted
        y_hat, float32 (n_songs, factors).
    n0
        Listeners that the prediction stands for, at least 0. A song with n of its N listeners, drawn at
        random, stays on average where its sound rightly puts it if n0 = N, whatever n; with a smaller n0
        it shrinks, as those who are yet to come count as if they had declined, with a larger one it
        grows, as those who came are counted once more by the prediction.
    """
    n_listeners = np.diff(confidence.indptr)  # (n_songs,): entries of each CSR row
    # (n_songs,): weight w of the prediction, 1 without listeners, 0 from n0 on; 1e-9 stands in for n0 = 0
    weight = np.where(n_listeners > 0, np.maximum(0.0, 1 - n_listeners / max(n0, 1e-9)), 1.0)
    return _solve(confidence, user_factors, regularization, predicted, weight)


def _solve(
    confidence: csr_array,
    fixed_factors: Factors,
    regularization: float,
    prior: Factors,
    weight: Doubles,
    gram: Doubles | None = None,
) -> Factors:
    """w y_0 + z, where A z = sum (c - w (c - 1) x . y_0) x: the same equations, exact without plays."""
    columns = fixed_factors.astype(np.float64)
    # (factors, factors): X'X + lambda I
    shared = (columns.T @ columns if gram is None else gram) + regularization * np.eye(columns.shape[1])
    start = weight[:, None] * prior.astype(np.float64)  # (n_rows, factors): w y_0
    solved = start.copy()
    # a block at a time: each of its rows holds a (factors, factors) matrix
    for first in range(0, len(prior), _ROWS_AT_ONCE):
        # rows without plays need no solve: they stay at w y_0
        rows = [row for row in range(first, min(first + _ROWS_AT_ONCE, len(prior))) if _n(confidence, row)]
        equations = [_equation(confidence, row, columns, shared, start[row]) for row in rows]
        if equations:
            # (n, factors, factors), (n, factors)
            left, right = (np.stack(side) for side in zip(*equations, strict=True))
            solved[rows] += _solution(left, right, regularization)
    return solved.astype(np.float32)


def _n(confidence: csr_array, row: int) -> int:
    return int(confidence.indptr[row + 1] - confidence.indptr[row])  # entries of a CSR row: its plays


def _equation(
    confidence: csr_array, row: int, columns: Doubles, shared: Doubles, start: Doubles
) -> tuple[Doubles, Doubles]:
    played = slice(confidence.indptr[row], confidence.indptr[row + 1])
    factors = columns[confidence.indices[played]]  # (n_plays, factors): x of what the row has played
    c = confidence.data[played].astype(np.float64)
    # A = X'X + lambda I + sum (c - 1) x x', and sum (c - (c - 1) x . w y_0) x
    return shared + (factors.T * (c - 1)) @ factors, factors.T @ (c - (c - 1) * (factors @ start))


def _solution(left: Doubles, right: Doubles, regularization: float) -> Doubles:
    try:
        # NumPy 2 takes a stack of vectors only as (n, factors, 1)
        solved = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:
        raise UserError(
            f"wmf_factors.regularization={regularization!r}: the least-squares equations have no unique "
            "solution; a larger value, or fewer wmf_factors.factors, is wanted"
        ) from None
    return solved.astype(np.float64, copy=False)
