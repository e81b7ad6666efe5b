"""A song in a few numbers, out of its stored hyper-image: how its rows spread, how loud, how wide."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.features.mel import mel_frequencies
from earshot.store.reader import HyperImageStore
from earshot.store.rows import ImageFormat
from earshot.store.shards import Stored

ENERGY_SHARE = 0.99
"""Of the energy of a song that lies below its bandwidth."""


class Described(NamedTuple):
    """Songs in numbers: float32 (n, 3 * n_rows), as `row_statistics`; (n,) dB; (n,) Hz."""

    statistics: NDArray[np.float32]
    loudness: NDArray[np.float64]
    bandwidth: NDArray[np.float64]


def describe(store: HyperImageStore, song_ids: Iterable[str]) -> Described:
    """Read each song once and describe it. Raises UserError for one that is not in `store`."""
    statistics, figures = [], []
    for song_id in song_ids:
        frames = store.frames(store.position(song_id))
        statistics.append(row_statistics(frames).ravel())  # (3 * n_rows,)
        figures.append(loudness_and_bandwidth(frames, store.format))
    loudness, bandwidth = np.array(figures).T  # (n, 2) to (n,) each
    return Described(np.stack(statistics), loudness, bandwidth)


def row_statistics(frames: Stored) -> NDArray[np.float32]:
    """Mean, standard deviation and mean absolute step of every row.

    Parameters
    ----------
    frames
        uint8 (n_frames, n_rows).

    Returns
    -------
    float32 (3, n_rows), in stored levels. A song of one frame has no step: 0.
    """
    levels = frames.astype(np.float32)
    steps = np.abs(np.diff(levels, axis=0)).mean(axis=0) if len(levels) > 1 else np.zeros(levels.shape[1])
    return np.stack([levels.mean(axis=0), levels.std(axis=0), steps]).astype(np.float32)


def loudness_and_bandwidth(frames: Stored, image_format: ImageFormat) -> tuple[float, float]:
    """Energy of the mel rows in dB, and the frequency (Hz) below which `ENERGY_SHARE` of it lies.

    A band's power is per Hz (its triangle has area 1), so it counts by its width.
    """
    rows = image_format.row_slice(["mel"])
    # (n_mels, 2)
    scales = np.array([(image_format.rows[row].offset, image_format.rows[row].scale) for row in rows])
    # stored levels to dB to power, (n_frames, n_mels)
    power = 10 ** ((scales[:, 0] + scales[:, 1] * frames[:, rows]) / 10)
    edges = _edges(len(rows), image_format.sample_rate)
    # width of band m: half the base of its triangle, from edge m to m + 2
    energy = power.mean(axis=0) * (edges[2:] - edges[:-2]) / 2
    reached = np.cumsum(energy) / energy.sum()
    # the share up to a band is put at its centre
    return float(10 * np.log10(energy.sum())), float(np.interp(ENERGY_SHARE, reached, edges[1:-1]))


@lru_cache(maxsize=8)
def _edges(n_mels: int, sample_rate: int) -> NDArray[np.float64]:
    return mel_frequencies(n_mels + 2, sample_rate / 2)
