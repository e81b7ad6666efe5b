"""Cyclic tempogram: which tempi a passage has, tempi an octave apart being one.

Grosche, Mueller, Kurth: Cyclic tempogram - a mid-level tempo representation for
music signals, ICASSP 2010; here with their autocorrelation.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

N_CLASSES = 15
"""Tempo classes an octave."""
REFERENCE_TEMPO = 40.0
"""Beats a minute of the first class in the lowest octave."""
N_OCTAVES = 3  # from 40 to 320 BPM
COMPRESSION = 1000.0
MEAN_SECONDS = 1.0
"""Length of the local mean that is taken off the novelty."""
WINDOW_SECONDS = 6.0
"""Length of the passage that a tempo is estimated over."""
FAINT = 1e-6
"""Mean squared novelty that counts as no rhythm."""


def tempo(tempo_class: int, octave: int) -> float:
    """Beats a minute: `REFERENCE_TEMPO * 2 ** (octave + tempo_class / N_CLASSES)`."""
    return float(REFERENCE_TEMPO * 2.0 ** (octave + tempo_class / N_CLASSES))


def onset_rises(mel: NDArray[np.float32], before: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """How much louder the bands have become since the frame before, `(n_frames,)`.

    Parameters
    ----------
    mel
        Power in mel bands, `(n_frames, n_mels)`; compressed here, log(1 + 1000 power).
    before
        The frame before the first, `(1, n_mels)`; without one the first frame's rise is 0.
    """
    bands = np.concatenate([mel[:1] if before is None else before, mel])  # (1 + n_frames, n_mels)
    compressed = np.log(1 + np.float32(COMPRESSION) * bands)
    steps = np.diff(compressed, axis=0)
    # half-wave rectified: what fades is no onset; mean over bands, (n_frames,)
    rises: NDArray[np.float32] = np.maximum(steps, 0, out=steps).mean(axis=1)
    return rises


def cyclic_tempogram(rises: NDArray[np.float32], frames_per_second: float) -> NDArray[np.float32]:
    """Strength of every tempo class around every frame.

    Parameters
    ----------
    rises
        As `onset_rises` gives them, of a whole recording, `(n_frames,)`.
    frames_per_second
        Hz.

    Returns
    -------
    float32 `(n_frames, N_CLASSES)`; class m stands for the tempi
    `tempo(m, octave)`. 1 is a passage that repeats itself exactly at all of
    them, 0 one that does not, or has no onsets.
    """
    lags, weights = lag_weights(frames_per_second)
    half = round(WINDOW_SECONDS * frames_per_second / 2)  # frames on either side of the middle one
    return local_autocorrelation(novelty(rises, frames_per_second), lags, weights, half).astype(np.float32)


def novelty(rises: NDArray[np.float32], frames_per_second: float) -> NDArray[np.float64]:
    """`rises` above their mean over `MEAN_SECONDS` around every frame, `(n_frames,)`."""
    half = round(MEAN_SECONDS * frames_per_second / 2)
    # float64, since sums over windows are differences of sums over the whole recording
    exact, ones = rises.astype(np.float64), np.ones(len(rises))
    # divided by how many frames there are, fewer near both ends
    means = _window_sums(exact, exact, half) / _window_sums(ones, ones, half)
    return np.maximum(exact - means, 0)


def local_autocorrelation(
    values: NDArray[np.float64], lags: range, weights: NDArray[np.float64], half: int
) -> NDArray[np.float64]:
    """Weighted sum over `lags` of the mean of `values[n] * values[n + lag]`, over that of `values[n] ** 2`.

    Around every frame: both values lie within `half` frames of it; zeros beyond
    both ends. A window has the products that end before it does, less those that
    begin before it does; of either, the lags can be summed first.

    Parameters
    ----------
    weights
        `(len(lags), n)`.

    Returns
    -------
    `(n_frames, n)`.
    """
    width = 2 * half + 1
    # a window has width - lag pairs of frames that lie lag apart; (len(lags), n)
    of_products = weights / (width - np.array(lags))[:, None]
    # row t: products that begin at t, lags summed; (n_frames, n)
    begun = values[:, None] * (_ahead(values, lags) @ of_products)
    # row t: products that end at t, which begin there in the signal turned round
    ended = values[:, None] * (_ahead(values[::-1], lags) @ of_products)[::-1]
    energy = _window_sums(values**2, values**2, half) / width + FAINT
    return _window_sums(ended, begun, half) / energy[:, None]


def _ahead(values: NDArray[np.float64], lags: range) -> NDArray[np.float64]:
    """`values[n + lag]` for every n and lag, zeros beyond the end, `(n_frames, len(lags))`; a view."""
    padded = np.append(values, np.zeros(lags[-1]))
    return sliding_window_view(padded, len(lags))[lags[0] :]  # row n begins at n + lags[0]


def _window_sums(ended: NDArray[np.float64], begun: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """Sum of `ended[: t + half + 1]` less that of `begun[: t - half]` for every t, along the first axis."""
    n = len(ended)
    # of what ended up to frame t + half
    sums: NDArray[np.float64] = np.cumsum(ended, axis=0)[np.minimum(np.arange(n) + half, n - 1)]
    # less what began before frame t - half
    sums[half + 1 :] -= np.cumsum(begun, axis=0)[: max(0, n - half - 1)]
    return sums


@lru_cache(maxsize=8)
def lag_weights(frames_per_second: float) -> tuple[range, NDArray[np.float64]]:
    """The lags (frames) that are needed, and the weight of each for every tempo class.

    A tempo lies between two whole lags, which share its weight linearly; a
    class is the mean over its octaves. `(len(lags), N_CLASSES)`.
    """
    # lags of every tempo: 60 frames_per_second / BPM, (N_OCTAVES, N_CLASSES)
    exact = np.array(
        [[60 * frames_per_second / tempo(m, k) for m in range(N_CLASSES)] for k in range(N_OCTAVES)]
    )
    # every whole lag from below the least to above the largest
    lags = range(int(exact.min()), int(exact.max()) + 2)
    distances = np.abs(exact[:, None, :] - np.array(lags)[:, None])  # (N_OCTAVES, len(lags), N_CLASSES)
    # triangles of height 1: linear interpolation; the mean over octaves makes it cyclic
    return lags, np.maximum(0, 1 - distances).mean(axis=0)
