"""Songs by who would listen to them (van den Oord et al. 2013, sections 5.1 and 5.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def usage_patterns(item_factors: Floats, user_factors: Floats) -> NDArray[np.float64]:
    """Vectors whose inner products are those of the songs' usage patterns X y, over all users.

    With X'X = V D V' it is D^(1/2) V' y, since (X y)'(X z) = y' X'X z; the
    users x songs matrix is never made.

    Parameters
    ----------
    item_factors
        y, `(n_items, factors)`.
    user_factors
        X, `(n_users, factors)`.

    Returns
    -------
    `(n_items, factors)`

    Example
    -------
    >>> x, y = np.array([[1.0, 0.0], [1.0, 2.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> z = usage_patterns(y, x)
    >>> np.allclose(z @ z.T, (y @ x.T) @ (y @ x.T).T)
    True
    """
    users = user_factors.astype(np.float64)
    values, vectors = np.linalg.eigh(users.T @ users)
    # rounding may give eigenvalues below 0
    return np.asarray(item_factors @ vectors * np.sqrt(np.maximum(values, 0)), dtype=np.float64)
