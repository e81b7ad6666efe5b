"""linear_statistics: ridge regression from how every row of the hyper-image is distributed over a song.

Three numbers a row: the mean of its frames, their standard deviation, and the mean absolute
step from one frame to the next, which tells a held tone from a tremolo of the same spread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.audio.store import HyperImageStore
from earshot.baselines.known import Array, Known
from earshot.baselines.ridge import one_scale, ridge, unit_deviation
from earshot.columns import N_FRAMES


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

    lengths = store.songs[N_FRAMES].to_numpy()
    statistics = np.zeros((len(positions), 3, len(store.rows)), dtype=np.float32)
    songs = progress(positions, description="row statistics", unit="song")
    for (mean, deviation, step), position in zip(statistics, songs, strict=True):
        frames = store.windows([int(position)], [0], int(lengths[position]))[0].astype(np.float32)
        mean[:], deviation[:] = frames.mean(axis=0), frames.std(axis=0)
        if len(frames) > 1:
            step[:] = np.abs(np.diff(frames, axis=0)).mean(axis=0)
    return statistics.reshape(len(positions), -1)
