"""From a file's samples to the one power spectrum that all rows of a hyper-image are made of.

Also how far a recording is tuned from A = 440 Hz.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Spectrum = NDArray[np.float32]
"""Power, float32 `(n_frames, n_fft // 2 + 1)`: time-major, as everything here."""

_FRAMES_IN_CACHE = 64  # transformed at a time; of 1,024 points half a MB in double precision


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
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)  # what the filter still holds


@lru_cache(maxsize=8)
def hann(n_fft: int) -> NDArray[np.float64]:
    """The periodic Hann window, `(n_fft,)`."""
    # periodic: the last of n_fft + 1 points, which repeats the first, is left out
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
    zeros = np.zeros(n_fft // 2, np.float32)  # puts the middle of frame 0 on sample 0
    step = block_frames * hop_length
    # n frames span (n - 1) * hop_length + n_fft samples
    for samples in _overlapping(chain([zeros], blocks, [zeros]), step + n_fft - hop_length, step):
        if len(samples) >= n_fft:
            yield _power(sliding_window_view(samples, n_fft)[::hop_length])  # (n_frames, n_fft), a view


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
            parts, held = [samples[step:]], held - step  # the next part overlaps this one by length - step
    yield np.concatenate(parts)


def _power(frames: NDArray[np.float32]) -> Spectrum:
    """Transformed in double precision: in single, the valleys of a pure tone are its rounding."""
    n_frames, n_fft = frames.shape
    power = np.empty((n_frames, n_fft // 2 + 1), np.float32)
    for first in range(0, n_frames, _FRAMES_IN_CACHE):
        block = slice(first, first + _FRAMES_IN_CACHE)
        windowed = frames[block].astype(np.float64)
        windowed *= hann(n_fft)
        # rounded to complex64 before the square, as librosa's
        spectrum = np.fft.rfft(windowed, axis=1).astype(np.complex64)
        np.square(np.abs(spectrum, out=power[block]), out=power[block])
    return power


LOWEST, HIGHEST = 150.0, 4000.0
"""Hz; peaks outside do not count."""

_LOUDEST_SHARE = 0.1
_BINS_PER_OCTAVE = 12
_RESOLUTION = 0.01


def estimate_tuning(power: Spectrum, sample_rate: int) -> float:
    """Deviation from A440 in semitones, -0.5 to 0.5 in steps of 0.01.

    What `librosa.feature.chroma_stft` finds: the commonest deviation among the
    louder half of the spectrum's peaks (`librosa.estimate_tuning(S=power.T)`).
    0 where there is no peak.
    """
    frequencies, heights = spectral_peaks(power, sample_rate)
    if not len(frequencies):
        return 0.0
    loud = frequencies[heights >= np.median(heights)]
    # how far above the nearest semitone below, 0..1; 440 / 16 Hz is A0
    deviations = np.mod(_BINS_PER_OCTAVE * np.log2(loud / (440.0 / 16)), 1.0)
    deviations[deviations >= 0.5] -= 1.0  # nearer to the semitone above
    edges = np.linspace(-0.5, 0.5, int(np.ceil(1.0 / _RESOLUTION)) + 1)  # 101: each hundredth of a semitone
    counts, _ = np.histogram(deviations, edges)
    return float(edges[np.argmax(counts)])  # lower edge of the fullest bin, as librosa


def spectral_peaks(power: Spectrum, sample_rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Frequency (Hz) and height of every peak, found by parabolas (`librosa.piptrack(S=power.T)`).

    A peak is a local maximum above a tenth of its frame's maximum. Rounding
    follows librosa's step by step, since the commonest deviation hangs on it.

    Returns
    -------
    frequencies, heights
        float32 `(n_peaks,)` each, frame after frame; heights in units of `power`.
    """
    n_fft = 2 * (power.shape[1] - 1)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    allowed = np.flatnonzero((bins >= LOWEST) & (bins < min(HIGHEST, sample_rate / 2)))
    first, last = int(allowed[0]), int(allowed[-1]) + 1
    # (n_frames, last - first) each: the bins below, at, and above
    left, here, right = (power[:, first + step : last + step] for step in (-1, 0, 1))
    quiet = _LOUDEST_SHARE * power.max(axis=1, keepdims=True)
    # > left but >= right: a plateau is one peak, at its lowest bin
    is_peak = (here > quiet) & (here > left) & (here >= right)
    frames, peaks = np.divmod(np.flatnonzero(is_peak), last - first)  # ten times as fast as np.nonzero
    places = frames * power.shape[1] + peaks + first  # in the flattened spectrum
    shifts, heights = _parabola(*(power.reshape(-1).take(places + step) for step in (-1, 0, 1)))
    frequencies = ((peaks + first + shifts) * float(sample_rate) / n_fft).astype(np.float32)
    return frequencies, heights


def _parabola(
    left: NDArray[np.float32], here: NDArray[np.float32], right: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift (bins) and height of the top of the parabola through three neighbours."""
    curvature = (right + left).astype(np.float64) - 2.0 * here
    slope = (right - left).astype(np.float64) / 2
    inside = np.abs(slope) < np.abs(curvature)  # the top lies less than a bin away
    shifts = np.where(inside, -slope / np.where(inside, curvature, 1.0), 0.0).astype(np.float32)
    return shifts, here + np.float32(0.5) * ((right - left) / np.float32(2)) * shifts
