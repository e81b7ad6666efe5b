"""Weighted matrix factorization of play counts (Hu et al. 2008; van den Oord et al. 2013, eq. 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Factors = NDArray[np.float32]


@dataclass(frozen=True)
class Factorization:
    """The state of a factorization after `len(objective)` iterations.

    Attributes
    ----------
    user_factors
        float32 (n_users, factors).
    item_factors
        float32 (n_items, factors).
    objective
        Eq. 3 after each iteration so far.
    """

    user_factors: Factors
    item_factors: Factors
    objective: list[float]


def fit(
    confidence: csr_array,
    *,
    factors: int,
    regularization: float,
    iterations: int,
    seed: int,
    start: Factorization | None = None,
    keep: Callable[[Factorization], None] = lambda _: None,
) -> Factorization:
    """Minimize eq. 3 by alternating exact least squares.

    Parameters
    ----------
    confidence
        (n_users, n_items), c_ui = 1 + alpha log(1 + r_ui / epsilon) where user u
        has played item i; nothing elsewhere, where c_ui = 1 and p_ui = 0.
    factors
        Length of every factor vector.
    regularization
        lambda of eq. 3.
    iterations
        Sweeps over users, then items; those of `start` count.
    seed
        Of the first factors.
    start
        Where an interrupted run had come to; it goes on from there.
    keep
        Called with the state after each iteration.

    Raises
    ------
    UserError
        Equations without a unique solution, as happens with regularization 0.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from earshot.processes import progress

    state = start or _first(confidence, factors, seed)
    rounds = range(len(state.objective), iterations)
    # implicit has threads of its own, and warns where BLAS has some too.
    with threadpool_limits(1, "blas"):
        for _ in progress(rounds, description="Factorizing plays", unit="iterations"):
            users, items = _sweep(confidence, state, regularization)
            values = [*state.objective, objective(confidence, users, items, regularization)]
            state = Factorization(users, items, values)
            keep(state)
    return state


def _first(confidence: csr_array, factors: int, seed: int) -> Factorization:
    draw = np.random.default_rng(seed)
    users, items = (draw.normal(0, 0.01, (n, factors)).astype(np.float32) for n in confidence.shape)
    return Factorization(users, items, [])


def _sweep(confidence: csr_array, state: Factorization, regularization: float) -> tuple[Factors, Factors]:
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.recommender_base import ModelFitError
    from scipy.sparse import csr_matrix

    factors = state.item_factors.shape[1]
    model = AlternatingLeastSquares(
        factors, regularization=regularization, alpha=1.0, use_cg=False, iterations=1
    )
    model.user_factors, model.item_factors = state.user_factors.copy(), state.item_factors.copy()
    try:
        model.fit(csr_matrix(confidence), show_progress=False)
    except (ValueError, ModelFitError) as error:
        raise UserError(
            f"wmf_factors.regularization={regularization!r}: the least-squares equations have no unique "
            f"solution; a larger value, or fewer wmf_factors.factors, is wanted ({error})"
        ) from None
    return model.user_factors, model.item_factors


def objective(
    confidence: csr_array, user_factors: Factors, item_factors: Factors, regularization: float
) -> float:
    """Eq. 3: sum over *all* (u, i) of c_ui (p_ui - x_u . y_i)^2 + lambda (sum |x_u|^2 + sum |y_i|^2).

    The zeros of the (n_users, n_items) matrix are summed as trace(X'X Y'Y), so
    the cost grows with the plays, not with users times items.

    Example
    -------
    >>> from scipy.sparse import csr_array
    >>> one = np.ones((1, 1), dtype=np.float32)
    >>> objective(csr_array([[3.0]]), 2 * one, one, regularization=10.0)  # 3 (1 - 2)^2 + 10 (4 + 1)
    53.0
    """
    users, items = user_factors.astype(np.float64), item_factors.astype(np.float64)
    gram_users, gram_items = users.T @ users, items.T @ items
    penalty = regularization * (np.trace(gram_users) + np.trace(gram_items))
    return float(np.sum(gram_users * gram_items) + _played(confidence, users, items) + penalty)


def _played(
    confidence: csr_array, users: NDArray[np.float64], items: NDArray[np.float64], block: int = 1_000_000
) -> float:
    """Sum over the plays of c (1 - s)^2 - s^2, s = x_u . y_i: what they add to s^2 over all pairs."""
    rows = np.repeat(np.arange(confidence.shape[0]), np.diff(confidence.indptr))
    total = 0.0
    for first in range(0, len(rows), block):
        part = slice(first, first + block)
        scores = np.einsum("pf,pf->p", users[rows[part]], items[confidence.indices[part]])
        total += float(np.sum(confidence.data[part].astype(np.float64) * (1 - scores) ** 2 - scores**2))
    return total
