"""Ridge regression of many targets on the same features: what is costly is done once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

PENALTIES = np.logspace(-5, 2, 15)


@dataclass(frozen=True)
class SharedRidge:
    """The features of the songs that are learned from, decomposed; see `decompose`.

    Attributes
    ----------
    mean
        (d,), of the features.
    left, values, right
        Their singular value decomposition without the mean: (n, r), (r,), (r, d).
    """

    mean: Doubles
    left: Doubles
    values: Doubles
    right: Doubles

    def predict(self, targets: NDArray[np.floating], features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Targets of other songs.

        The penalty is the one with the least leave-one-out error, by the shortcut of
        linear smoothers: residual / (1 - leverage) (Hastie et al. 2009, eq. 7.64).

        Parameters
        ----------
        targets
            (n, factors), of the songs learned from.
        features
            (m, d), of the others.

        Returns
        -------
        float32 (m, factors)
        """
        centred = targets - targets.mean(axis=0, dtype=np.float64)
        along = self.left.T @ centred  # (r, factors)
        penalty = min(PENALTIES, key=lambda each: self._error(centred, along, float(each)))
        return self.predict_with(penalty, targets, features)

    def predict_with(
        self, penalty: float, targets: NDArray[np.floating], features: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """The same, float32 (m, factors), with a penalty that is given."""
        mean = targets.mean(axis=0, dtype=np.float64)
        along = self.left.T @ (targets - mean)  # (r, factors)
        weights = self.right.T @ (along * (self.values / (self.values**2 + penalty))[:, None])  # (d, factors)
        predicted: NDArray[np.float32] = ((features - self.mean) @ weights + mean).astype(np.float32)
        return predicted

    def _error(self, centred: Doubles, along: Doubles, penalty: float) -> float:
        kept = self.values**2 / (self.values**2 + penalty)  # (r,)
        leverage = self.left**2 @ kept + 1 / len(centred)  # (n,), that of the mean with it
        residuals = centred - self.left @ (kept[:, None] * along)
        return float(np.square(residuals / (1 - leverage)[:, None]).sum())


def decompose(features: NDArray[np.floating]) -> SharedRidge:
    """Of songs to learn from, (n, d), at least 2."""
    mean = features.mean(axis=0, dtype=np.float64)
    left, values, right = np.linalg.svd(features - mean, full_matrices=False)
    return SharedRidge(mean, left, values, right)
