"""Spectral contrast: how far peaks stand above valleys, octave by octave."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.features.spectrum import Spectrum

N_BANDS = 7
LOWEST = 200.0
"""Hz: upper end of the first band; each further one is an octave."""
HIGHEST_SHARE = 0.92
"""Of the Nyquist frequency, where the last band stops: above, one measures the resampler."""

_QUANTILE = 0.02  # share of a band's bins that make its valley, and as many its peak
_AMIN = np.float32(1e-10)


@lru_cache(maxsize=8)
def contrast_bands(sample_rate: int, n_fft: int) -> tuple[tuple[slice, int], ...]:
    """Bins of each of the seven bands, and how many of them make its peak and its valley.

    The bands of `librosa.feature.spectral_contrast`: all but the first reach one
    bin down, all but the last leave out their last bin.
    """
    frequencies = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    frequencies = frequencies[frequencies <= HIGHEST_SHARE * sample_rate / 2]
    # Hz: 0, 200, 400, ... 12,800; band b lies between edges b and b + 1
    edges = [0.0, *(LOWEST * 2.0**octave for octave in range(N_BANDS))]
    bands = []
    for band in range(N_BANDS):
        inside = np.flatnonzero((frequencies >= edges[band]) & (frequencies <= edges[band + 1]))
        if len(inside) < 2:
            raise UserError(_no_bins(sample_rate, n_fft, edges[band]))
        # the last band takes all bins that are left
        last = len(frequencies) if band == N_BANDS - 1 else int(inside[-1]) + 1
        first = int(inside[0]) - (band > 0)  # True counts 1: one bin further down
        count = max(1, int(np.rint(_QUANTILE * (last - first))))
        bands.append((slice(first, last - (band < N_BANDS - 1)), count))
    return tuple(bands)


def _no_bins(sample_rate: int, n_fft: int, lowest: float) -> str:
    return (
        f"hyper_images.sample_rate={sample_rate}, n_fft={n_fft}: spectral contrast has no bins in its octave "
        f"above {lowest:g} Hz; wanted sample_rate >= 16000 and sample_rate / n_fft <= 100"
    )


def contrast(power: Spectrum, bands: tuple[tuple[slice, int], ...]) -> NDArray[np.float32]:
    """Decibels between the mean of the strongest and of the weakest bins, `(n_frames, 7)`.

    `librosa.feature.spectral_contrast` of the magnitudes with `top_db=None`
    (Jiang et al. 2002).
    """
    extremes = np.empty((2, len(bands), len(power)), np.float32)
    for band, (bins, count) in enumerate(bands):
        extremes[:, band] = _valley_and_peak(power[:, bins], count)
    valleys, peaks = np.maximum(extremes, _AMIN)
    # 10, not 20, though these are magnitudes: as librosa
    decibels: NDArray[np.float32] = 10 * np.log10(peaks / valleys)
    return decibels.T


def _valley_and_peak(power: Spectrum, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean magnitude of the `count` weakest and of the `count` strongest bins, `(n_frames,)` each."""
    if count == 1:
        bins = np.ascontiguousarray(power.T)  # numpy compares all frames at once, but not all bins
        return np.sqrt(bins.min(axis=0)), np.sqrt(bins.max(axis=0))
    # (n_bins, n_frames), the weakest first
    ordered = np.sort(power, axis=1).T  # vectorized in numpy: faster here than a partition
    # (count, n_frames) each
    weakest, strongest = (np.sqrt(part, order="C") for part in (ordered[:count], ordered[-count:]))
    return weakest.mean(axis=0), strongest.mean(axis=0)
