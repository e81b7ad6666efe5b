"""popularity: one list for everybody, the most played song first; it knows the future."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.known import Vectors


def popularity(n_users: int, n_listeners: NDArray[np.integer[Any]]) -> Vectors:
    """The logarithm of each song's listeners, cold songs' too: no system, a scale for systems.

    Parameters
    ----------
    n_users
        Of whom each gets the same vector.
    n_listeners
        (n,), of each song, once all plays are known.

    Returns
    -------
    float32 (n_users, 1), all 1, and (n, 1), log(1 + n_listeners).
    """
    logarithms = np.log1p(n_listeners).astype(np.float32)
    return Vectors(np.ones((n_users, 1), dtype=np.float32), logarithms[:, None])
