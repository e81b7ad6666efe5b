"""Log mel spectrogram."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from earshot.features.spectrum import Spectrum

AMIN = 1e-10
"""Power below this counts as this: -100 dB."""

_FILTERS_AT_ONCE = 16


MelParts = tuple[tuple[slice, slice, NDArray[np.float32]], ...]
"""For a few neighbouring filters each: which they are, the bins they use, their weights there."""


def mel_frequencies(n_mels: int, highest: float) -> NDArray[np.float64]:
    """`n_mels` frequencies (Hz) evenly spaced from 0 to `highest` on Slaney's scale, float64 `(n_mels,)`.

    Linear below 1,000 Hz, logarithmic above (Slaney, Auditory Toolbox, 1998).
    """
    # Hz a mel up to 1,000 Hz; from there 27 mels to 6,400 Hz
    linear_step, log_start, log_step = 200.0 / 3, 1000.0, np.log(6.4) / 27.0
    first_log = log_start / linear_step  # mels at 1,000 Hz: 15
    top = highest / linear_step if highest < log_start else first_log + np.log(highest / log_start) / log_step
    mels = np.linspace(0.0, top, n_mels)
    logarithmic = log_start * np.exp(log_step * (np.maximum(mels, first_log) - first_log))
    return np.where(mels < first_log, linear_step * mels, logarithmic)


@lru_cache(maxsize=8)
def mel_bank(sample_rate: int, n_fft: int, n_mels: int) -> NDArray[np.float32]:
    """Triangular filters of equal area, `(n_fft // 2 + 1, n_mels)`: `librosa.filters.mel(...).T`."""
    edges = mel_frequencies(n_mels + 2, sample_rate / 2)
    # (n_mels + 2, n_bins): how far each edge lies above each bin, Hz
    ramps = edges[:, None] - np.fft.rfftfreq(n_fft, 1 / sample_rate)
    widths = np.diff(edges)[:, None]
    # filter m rises from edge m to m + 1 and falls to m + 2, (n_mels, n_bins)
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]))
    heights = 2.0 / (edges[2:] - edges[:-2])  # area 1 over Hz
    return np.ascontiguousarray((triangles * heights[:, None]).T, dtype=np.float32)


@lru_cache(maxsize=8)
def mel_parts(sample_rate: int, n_fft: int, n_mels: int) -> MelParts:
    """`mel_bank` without most of its zeros, since a filter uses few bins."""
    bank = mel_bank(sample_rate, n_fft, n_mels)
    parts = []
    for first in range(0, n_mels, _FILTERS_AT_ONCE):
        filters = slice(first, min(first + _FILTERS_AT_ONCE, n_mels))
        # bins that any of these filters uses: neighbours overlap, so that one slice holds few others
        used = np.flatnonzero(bank[:, filters].any(axis=1))
        bins = slice(used[0], used[-1] + 1) if len(used) else slice(0, 0)
        parts.append((filters, bins, np.ascontiguousarray(bank[bins, filters])))
    return tuple(parts)


def mel_power(power: Spectrum, parts: MelParts) -> NDArray[np.float32]:
    """Power in each mel band, `(n_frames, n_mels)`; `parts` as `mel_parts` gives them."""
    bands = np.empty((len(power), parts[-1][0].stop), np.float32)
    for filters, bins, weights in parts:
        np.matmul(power[:, bins], weights, out=bands[:, filters])
    return bands


def decibels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """`librosa.power_to_db(power, ref=1, top_db=None)`, any shape."""
    result: NDArray[np.float32] = np.log(np.maximum(power, np.float32(AMIN)))
    result *= np.float32(10 / np.log(10))  # 10 log10 x = 10 / ln 10 * ln x
    return result
