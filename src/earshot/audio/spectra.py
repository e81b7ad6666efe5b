"""From a file's samples to the one power spectrum that all rows of a hyper-image are made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Spectrum = NDArray[np.float32]
"""Power, float32 `(n_frames, n_fft // 2 + 1)`: time-major, as everything here."""

_FRAMES_IN_CACHE = 128


def resample(samples: NDArray[np.float32], sample_rate: int, wanted_rate: int) -> NDArray[np.float32]:
    """Resample `(n_samples,)` from `sample_rate` to `wanted_rate` (Hz), as librosa.load does."""
    import soxr

    if sample_rate == wanted_rate:
        return samples
    resampled: NDArray[np.float32] = soxr.resample(samples, sample_rate, wanted_rate, quality="HQ")
    return resampled


@lru_cache(maxsize=8)
def hann(n_fft: int) -> NDArray[np.float64]:
    """The periodic Hann window, `(n_fft,)`."""
    window: NDArray[np.float64] = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, n_fft + 1)[:-1])
    return window


def power_spectra(
    samples: NDArray[np.float32], n_fft: int, hop_length: int, block_frames: int
) -> Iterator[Spectrum]:
    """The power spectrogram of `samples`, `block_frames` frames at a time.

    Frame t is centred on sample `t * hop_length`, zeros beyond both ends, Hann
    window: `abs(librosa.stft(samples, n_fft=n_fft, hop_length=hop_length)) ** 2`,
    transposed and equal to the bit. There are `1 + n_samples // hop_length` frames.
    """
    frames = sliding_window_view(np.pad(samples, n_fft // 2), n_fft)[::hop_length]
    for first in range(0, len(frames), block_frames):
        yield _power(frames[first : first + block_frames])


def _power(frames: NDArray[np.float32]) -> Spectrum:
    """Transformed in double precision: in single, the valleys of a pure tone are its rounding."""
    from scipy.fft import rfft

    n_frames, n_fft = frames.shape
    power = np.empty((n_frames, n_fft // 2 + 1), np.float32)
    for first in range(0, n_frames, _FRAMES_IN_CACHE):
        block = slice(first, first + _FRAMES_IN_CACHE)
        spectrum = rfft(frames[block] * hann(n_fft), axis=1).astype(np.complex64)
        power[block] = np.abs(spectrum) ** 2
    return power
