"""The embedded catalogue alone: factors predicted from what its program wrote into each song.

What an ear without fault could tell of a song's listeners; other music comes without such a record.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.known import Array, Known

_PENALTIES = np.logspace(-4, 2, 25)


def perfect_ear(known: Known, traits: NDArray[np.float64]) -> Array:
    """Item factors by kernel ridge regression on the true traits.

    The kernel is that of the listeners' tastes, exp(-|a - b|^2 / 2); the penalty is the one with the least
    leave-one-out error (Rasmussen and Williams 2006, eq. 2.23 and section 5.4.2).

    Parameters
    ----------
    traits
        (n, d), of `known.songs`, each in lengths over which taste changes
        (`earshot.datasets.embedded.catalogue.true_traits`).

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    return kernel_ridge(traits, known.targets, known.learn, _PENALTIES)


def kernel_ridge(
    coordinates: NDArray[np.float64], targets: Array, learn: NDArray[np.bool_], penalties: NDArray[np.float64]
) -> Array:
    """Gaussian kernel of unit length on `coordinates`; targets are centred.

    Parameters
    ----------
    coordinates
        (n, d).
    targets
        (n_learn, factors), of the songs marked in `learn`.
    learn
        (n,) bool.
    penalties
        To choose from, all positive.

    Returns
    -------
    float32 (n, factors)
    """
    square = (coordinates**2).sum(axis=1)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b; rounding may leave a little below 0
    distances = np.maximum(square[:, None] + square - 2 * coordinates @ coordinates.T, 0)
    kernel = np.exp(-distances / 2)  # (n, n)
    mean = targets.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(kernel[np.ix_(learn, learn)])
    rotated = vectors.T @ (targets - mean)

    def solve(penalty: float) -> tuple[float, NDArray[np.float64]]:
        """Leave-one-out error, and the coefficients, (n_learn, factors)."""
        weights = 1 / (values + penalty)  # of (K + penalty I)^-1 = V diag(weights) V'
        coefficients = vectors @ (weights[:, None] * rotated)
        diagonal = np.square(vectors) @ weights
        # a song left out is missed by coefficient / diagonal of the inverse
        return float(np.square(coefficients / diagonal[:, None]).sum()), coefficients

    _, coefficients = min((solve(penalty) for penalty in penalties), key=lambda found: found[0])
    return np.asarray(kernel[:, learn] @ coefficients + mean, dtype=np.float32)
