"""From a file's samples to the one power spectrum that all rows of a hyper-image are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Spectrum = NDArray[np.float32]
"""Power, float32 `(n_frames, n_fft // 2 + 1)`: time-major, as everything here."""

_FRAMES_IN_CACHE = 64


def resample(
    blocks: Iterable[NDArray[np.float32]], sample_rate: int, wanted_rate: int
) -> Iterator[NDArray[np.float32]]:
    """Resample from `sample_rate` to `wanted_rate` (Hz), block by block, each `(n_samples,)`.

    Together they are what librosa.load gives, to the bit.
    """
    import soxr

    if sample_rate == wanted_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(sample_rate, wanted_rate, num_channels=1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


@lru_cache(maxsize=8)
def hann(n_fft: int) -> NDArray[np.float64]:
    """The periodic Hann window, `(n_fft,)`."""
    window: NDArray[np.float64] = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, n_fft + 1)[:-1])
    return window


def power_spectra(
    blocks: Iterable[NDArray[np.float32]], n_fft: int, hop_length: int, block_frames: int
) -> Iterator[Spectrum]:
    """The power spectrogram of a recording, `block_frames` frames at a time.

    Frame t is centred on sample `t * hop_length`, zeros beyond both ends, Hann
    window: `abs(librosa.stft(samples, n_fft=n_fft, hop_length=hop_length)) ** 2`,
    transposed and equal to the bit. There are `1 + n_samples // hop_length` frames.

    Parameters
    ----------
    blocks
        The samples, cut anywhere, each `(n_samples,)`.
    """
    zeros = np.zeros(n_fft // 2, np.float32)
    step = block_frames * hop_length
    for samples in _overlapping(chain([zeros], blocks, [zeros]), step + n_fft - hop_length, step):
        if len(samples) >= n_fft:
            yield _power(sliding_window_view(samples, n_fft)[::hop_length])


def _overlapping(
    blocks: Iterable[NDArray[np.float32]], length: int, step: int
) -> Iterator[NDArray[np.float32]]:
    """The same samples, `length` at a time, each time `step` further; at the end what is left."""
    parts, held = [], 0
    for block in blocks:
        parts.append(block)
        held += len(block)
        while held >= length:
            samples = np.concatenate(parts)
            yield samples[:length]
            parts, held = [samples[step:]], held - step
    yield np.concatenate(parts)


def _power(frames: NDArray[np.float32]) -> Spectrum:
    """Transformed in double precision: in single, the valleys of a pure tone are its rounding."""
    n_frames, n_fft = frames.shape
    power = np.empty((n_frames, n_fft // 2 + 1), np.float32)
    for first in range(0, n_frames, _FRAMES_IN_CACHE):
        block = slice(first, first + _FRAMES_IN_CACHE)
        windowed = frames[block].astype(np.float64)
        windowed *= hann(n_fft)
        spectrum = np.fft.rfft(windowed, axis=1).astype(np.complex64)
        np.square(np.abs(spectrum, out=power[block]), out=power[block])
    return power
