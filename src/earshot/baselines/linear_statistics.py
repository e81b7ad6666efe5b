"""linear_statistics: ridge regression from how every row of the hyper-image is distributed over a song.

Three numbers a row: the mean of its frames, their standard deviation, and the mean absolute
step from one frame to the next, which tells a held tone from a tremolo of the same spread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.audio.statistics import row_statistics as _row_statistics
from earshot.audio.store import HyperImageStore
from earshot.baselines.known import Array, Known
from earshot.baselines.ridge import one_scale, ridge, unit_deviation


def linear_statistics(known: Known) -> Array:
    """Item factors predicted from statistics of all rows by ridge regression.

    Each statistic is standardized.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    statistics = row_statistics(known.store, known.positions)
    features = one_scale(unit_deviation(statistics, known.learn), known.learn)
    return ridge(features, known.targets, known.learn)


def row_statistics(store: HyperImageStore, positions: NDArray[np.integer[Any]]) -> Array:
    """Mean, standard deviation and mean absolute step of every row of songs.

    Parameters
    ----------
    store
        Hyper-images.
    positions
        Lines of `store.songs`, (n,).

    Returns
    -------
    float32 (n, 3 * n_rows), in stored levels: all means, then all deviations, then all steps. A
    song of one frame has no step: 0.
    """
    from earshot.processes import progress

    songs = progress(positions, description="row statistics", unit="song")
    return np.stack([_row_statistics(store.frames(int(position))).ravel() for position in songs])
