"""linear_statistics: ridge regression from how every row of the hyper-image is distributed over a song.

Three numbers a row: the mean of its frames, their standard deviation, and the mean absolute
step from one frame to the next, which tells a held tone from a tremolo of the same spread.
"""

from __future__ import annotations

import numpy as np

from earshot.audio.statistics import row_statistics
from earshot.baselines.known import Array, Known
from earshot.baselines.ridge import one_scale, ridge, unit_deviation


def linear_statistics(known: Known) -> Array:
    """Item factors predicted from statistics of all rows by ridge regression.

    Each statistic (`earshot.audio.statistics.row_statistics`) is standardized.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    from earshot.processes import progress

    songs = progress(known.positions, description="row statistics", unit="song")
    statistics = np.stack([row_statistics(known.store.frames(int(song))).ravel() for song in songs])
    features = one_scale(unit_deviation(statistics, known.learn), known.learn)
    return ridge(features, known.targets, known.learn)
