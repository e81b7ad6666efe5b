"""How sure a play count makes us that a listener likes a song (van den Oord et al. 2013, eq. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
    values = 1 + alpha * np.log1p(counts / epsilon)
    return csr_array(
        (values.astype(np.float32), play_counts.indices, play_counts.indptr), shape=play_counts.shape
    )
