"""Mel frequency cepstral coefficients and how they change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DELTA_WIDTH = 9
"""Frames that a difference is fitted over; a song needs as many."""


def mfcc(log_mel: NDArray[np.float32], n_mfcc: int) -> NDArray[np.float32]:
    """The first `n_mfcc` coefficients, `(n_frames, n_mels)` to `(n_frames, n_mfcc)`.

    The orthonormal DCT-II of the decibels (`librosa.feature.mfcc(S=log_mel.T)`).
    """
    n_mels = log_mel.shape[1]
    bands = np.arange(n_mels)[:, None] + 0.5  # (n_mels, 1)
    # (n_mels, n_mfcc): sqrt(2 / N) cos(pi / N (n + 1/2) k)
    cosines = np.cos(np.pi / n_mels * bands * np.arange(n_mfcc)) * np.sqrt(2.0 / n_mels)
    cosines[:, 0] /= np.sqrt(2.0)  # makes column 0 as long as the others: 1
    coefficients: NDArray[np.float32] = log_mel @ cosines.astype(np.float32)
    return coefficients


def delta(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """First difference a frame: the slope of the line fitted to nine frames, `(n_frames, n)`.

    `librosa.feature.delta(values.T)`; the first and last four frames take their neighbour's slope.
    """
    steps = np.arange(DELTA_WIDTH) - DELTA_WIDTH // 2  # -4..4
    return _fit(values, steps / np.sum(steps**2))  # least squares: sum(t x_t) / sum(t^2)


def delta2(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Second difference: twice the curvature of the parabola fitted to nine frames, `(n_frames, n)`.

    `librosa.feature.delta(values.T, order=2)`.
    """
    squares = (np.arange(DELTA_WIDTH) - DELTA_WIDTH // 2) ** 2
    centred = squares - squares.mean()
    # c of a + b t + c t^2 by least squares; the second derivative is 2 c
    return _fit(values, 2 * centred / np.sum(centred**2))


def _fit(values: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    n_inner = len(values) - DELTA_WIDTH + 1  # places of all nine frames; number i is centred on frame i + 4
    inner = np.zeros((n_inner, values.shape[1]), np.float32)
    for step, weight in enumerate(weights.astype(np.float32)):
        inner += weight * values[step : step + n_inner]
    return np.pad(inner, ((DELTA_WIDTH // 2, DELTA_WIDTH // 2), (0, 0)), mode="edge")
