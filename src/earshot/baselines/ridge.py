"""Ridge regression with a penalty that the songs themselves choose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_PENALTIES = np.logspace(-6, 4, 21)


def ridge(features: NDArray[np.floating], targets: Array, learn: NDArray[np.bool_]) -> Array:
    """Targets of all songs, predicted by ridge regression on those of some.

    The penalty is the one with the least leave-one-out error.

    Parameters
    ----------
    features
        (n, d)
    targets
        (n_learn, factors), of the songs marked in `learn`.
    learn
        (n,) bool.

    Returns
    -------
    float32 (n, factors)
    """
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=_PENALTIES).fit(features[learn], targets)
    return np.asarray(model.predict(features), dtype=np.float32)


def one_scale(features: Array, learn: NDArray[np.bool_]) -> Array:
    """`features` centred and scaled as a whole: their mean squared length is 1 over the songs in `learn`.

    Blocks of features side by side weigh as much as each other then, however many columns each has.
    """
    centred = features - features[learn].mean(axis=0)
    length = np.sqrt((centred[learn] ** 2).sum(axis=1).mean())
    return np.asarray(centred / (length or 1), dtype=np.float32)


def unit_deviation(features: Array, learn: NDArray[np.bool_]) -> Array:
    """Each column of `features` over its standard deviation in the songs in `learn`; a constant one stays."""
    deviation = features[learn].std(axis=0)
    return np.asarray(features / np.where(deviation == 0, 1, deviation), dtype=np.float32)
