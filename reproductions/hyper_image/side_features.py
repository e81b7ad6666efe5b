"""Matrix factorization with side features: a song's factors are a linear map of its features and a free part.

As in regression-based latent factors (Agarwal and Chen 2009), here with the weights of implicit plays (Hu et
al. 2008): y_i = b + M'e_i + f_i, and

    sum c_ui (p_ui - x_u . y_i)^2 + lambda (sum |x_u|^2 + sum |f_i|^2 + penalty |M|^2)

over all pairs is minimized over songs y, the map (b, M) and listeners x in turn, each exactly. The place of a
new song is b + M'e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.factors.solves import solve_rows
from earshot.factors.wmf import objective

Array = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class LinearMap:
    """y = b + M'e: `start` is b, float64 (factors,), `slope` M, (d, factors)."""

    start: Doubles
    slope: Doubles

    def of(self, features: NDArray[np.floating]) -> Doubles:
        """float64 (n, factors), of features (n, d)."""
        return np.asarray(self.start + features @ self.slope, dtype=np.float64)


@dataclass(frozen=True)
class SideFactors:
    """`users` and `items`, float32 (n, factors), the map, and the objective after each iteration."""

    users: Array
    items: Array
    linear: LinearMap
    objective: list[float]


def factorize(
    confidence: csr_array,
    features: Array,
    users: Array,
    *,
    regularization: float,
    penalty: float,
    iterations: int,
) -> SideFactors:
    """Minimize the objective above.

    Parameters
    ----------
    confidence
        (n_users, n_items), as in `earshot.factors.wmf.fit`.
    features
        e, float32 (n_items, d).
    users
        The first factors of the listeners, float32 (n_users, factors).
    regularization, penalty
        lambda, above 0, and how much the map weighs beside the free parts.
    iterations
        Sweeps over songs, map and listeners.
    """
    by_item = csr_array(confidence.T)
    linear = LinearMap(np.zeros(users.shape[1]), np.zeros((features.shape[1], users.shape[1])))
    values = []
    for _ in range(iterations):
        items = solve_towards(by_item, users, regularization, linear.of(features))
        linear = fit_map(features, items, penalty)
        users = solve_rows(confidence, items, regularization)
        values.append(_objective(confidence, users, items, linear, features, regularization, penalty))
    return SideFactors(users, items, linear, values)


def solve_towards(
    confidence: csr_array, fixed_factors: Array, regularization: float, towards: Doubles
) -> Array:
    """As `earshot.factors.solves.solve_rows`, where lambda weighs |y - y_0|^2 and not |y|^2.

    y = (X'X + lambda I + sum (c - 1) x x')^-1 (sum c x + lambda y_0), y_0 a row of `towards`,
    (n_rows, factors). Float32 (n_rows, factors).
    """
    columns = fixed_factors.astype(np.float64)
    shared = columns.T @ columns + regularization * np.eye(columns.shape[1])
    solved = np.empty(towards.shape)
    for row, (first, last) in enumerate(zip(confidence.indptr, confidence.indptr[1:], strict=False)):
        x, c = columns[confidence.indices[first:last]], confidence.data[first:last].astype(np.float64)
        left = shared + (x.T * (c - 1)) @ x
        solved[row] = np.linalg.solve(left, x.T @ c + regularization * towards[row])
    return solved.astype(np.float32)


def fit_map(features: Array, items: Array, penalty: float) -> LinearMap:
    """b and M that minimize sum |y - b - M'e|^2 + penalty |M|^2."""
    e, y = features.astype(np.float64), items.astype(np.float64)
    centred = e - e.mean(axis=0)
    left = centred.T @ centred + penalty * np.eye(e.shape[1])
    slope = np.linalg.solve(left, centred.T @ (y - y.mean(axis=0)))
    return LinearMap(y.mean(axis=0) - e.mean(axis=0) @ slope, slope)


def _objective(
    confidence: csr_array,
    users: Array,
    items: Array,
    linear: LinearMap,
    features: Array,
    regularization: float,
    penalty: float,
) -> float:
    """Eq. 3 with the free parts and the map in the place of the songs."""
    free = items.astype(np.float64) - linear.of(features)
    instead = np.square(free).sum() + penalty * np.square(linear.slope).sum() - np.square(items).sum()
    return objective(confidence, users, items, regularization) + regularization * float(instead)
