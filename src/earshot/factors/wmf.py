"""Weighted matrix factorization of play counts (Hu et al. 2008; van den Oord et al. 2013, eq. 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Factors = NDArray[np.float32]

_PLAYS_AT_ONCE = 4096
"""Plays whose factors the processor's cache holds."""


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
    import implicit.cpu.als  # noqa: F401  # brings BLAS, to be limited below
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    from earshot.executors import has_machines_elsewhere
    from earshot.factors.blocks import alternate
    from earshot.processes import progress

    state = start or _first(confidence, factors, seed)
    remaining = max(0, iterations - len(state.objective))

    def after_iteration(users: Factors, items: Factors) -> None:
        nonlocal state
        value = objective(confidence, users, items, regularization)
        if not math.isfinite(value):
            raise ValueError(f"eq. 3 is {value}")
        state = Factorization(users, items, [*state.objective, value])
        keep(state)
        bar.update()

    # implicit has threads of its own, and warns where BLAS has some too; it looks once, when a model is made.
    with (
        threadpool_limits(1, "blas"),
        progress(description="Factorizing plays", unit="iterations", total=remaining) as bar,
        _unique_solution_wanted(regularization),
    ):
        # implicit wants a csr_matrix, and warns of a csr_array
        plays = csr_matrix(confidence)
        if has_machines_elsewhere():
            alternate(plays, state.item_factors, regularization, remaining, after_iteration)
        else:
            model = _model(state, regularization, remaining)
            model.fit(
                plays,
                show_progress=False,
                # copies: implicit goes on writing into its arrays
                callback=lambda *_: after_iteration(model.user_factors.copy(), model.item_factors.copy()),
            )
    return state


def fit_roughly(
    confidence: csr_array, *, factors: int, regularization: float, iterations: int, seed: int
) -> Factorization:
    """As `fit`, in a fifth of the time: three steps of conjugate gradient a row (Takács et al. 2011).

    To compare numbers by; the objective is not computed, and no row is solved to the end.
    `confidence` (n_users, n_items), the other parameters and errors are those of `fit`.
    """
    import implicit.cpu.als  # noqa: F401  # brings BLAS, to be limited below
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    state = _first(confidence, factors, seed)
    with threadpool_limits(1, "blas"), _unique_solution_wanted(regularization):
        model = _model(state, regularization, iterations, exact=False)
        model.fit(csr_matrix(confidence), show_progress=False)
    return Factorization(model.user_factors, model.item_factors, [])


def _first(confidence: csr_array, factors: int, seed: int) -> Factorization:
    draw = np.random.default_rng(seed)
    users, items = (draw.normal(0, 0.01, (n, factors)).astype(np.float32) for n in confidence.shape)
    return Factorization(users, items, [])


def _model(state: Factorization, regularization: float, iterations: int, exact: bool = True) -> Any:
    from implicit.cpu.als import AlternatingLeastSquares

    factors = state.item_factors.shape[1]
    # alpha: implicit would multiply c by it once more; use_cg: conjugate gradient in place of exact solves
    model = AlternatingLeastSquares(
        factors, regularization=regularization, alpha=1.0, use_cg=not exact, iterations=iterations
    )
    model.user_factors, model.item_factors = state.user_factors.copy(), state.item_factors.copy()
    return model


@contextmanager
def _unique_solution_wanted(regularization: float) -> Iterator[None]:
    from implicit.recommender_base import ModelFitError

    try:
        yield
    except (ValueError, ModelFitError) as error:
        raise UserError(
            f"wmf_factors.regularization={regularization!r}: the least-squares equations have no unique "
            f"solution; a larger value, or fewer wmf_factors.factors, is wanted ({error})"
        ) from None


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
    gram_users, gram_items = users.T @ users, items.T @ items  # X'X and Y'Y, (factors, factors)
    penalty = regularization * (np.trace(gram_users) + np.trace(gram_items))
    # trace(X'X Y'Y) = sum of s^2 over all pairs: eq. 3 if nobody had played anything
    return float(np.sum(gram_users * gram_items) + _played(confidence, users, items) + penalty)


def _played(confidence: csr_array, users: NDArray[np.float64], items: NDArray[np.float64]) -> float:
    """Sum over the plays of c (1 - s)^2 - s^2, s = x_u . y_i: what they add to s^2 over all pairs."""
    # (n_plays,): the listener of each entry
    rows = np.repeat(np.arange(confidence.shape[0]), np.diff(confidence.indptr))
    held = np.empty((2, _PLAYS_AT_ONCE, users.shape[1]))  # room for x and y, used by every block
    total = 0.0
    for first in range(0, len(rows), _PLAYS_AT_ONCE):
        part = slice(first, first + _PLAYS_AT_ONCE)
        x, y = held[:, : len(rows[part])]  # (n, factors) each
        np.take(users, rows[part], axis=0, out=x, mode="clip")  # with "raise" it would be copied once more
        np.take(items, confidence.indices[part], axis=0, out=y, mode="clip")
        scores = np.einsum("pf,pf->p", x, y)  # (n,): s of each play
        total += float(confidence.data[part].astype(np.float64) @ np.square(1 - scores) - scores @ scores)
    return total
