"""Windows that follow each other, for networks that hear so much at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def consecutive_windows(values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """`(n, ...)` as windows `(n_windows, length, ...)`, without overlap and without the rest at the end.

    Fewer than `length` are filled up with zeros.

    Example
    -------
    >>> consecutive_windows(np.float32([1, 2, 3, 4, 5]), 2)
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    >>> consecutive_windows(np.float32([1, 2]), 3)
    array([[1., 2., 0.]], dtype=float32)
    """
    n_windows = max(1, len(values) // length)
    whole = np.zeros((n_windows * length, *values.shape[1:]), np.float32)
    whole[: len(values)] = values[: len(whole)]
    return whole.reshape(n_windows, length, *values.shape[1:])
