"""How far a recording is tuned from A = 440 Hz."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.audio.spectra import Spectrum

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
    deviations = np.mod(_BINS_PER_OCTAVE * np.log2(loud / (440.0 / 16)), 1.0)
    deviations[deviations >= 0.5] -= 1.0
    edges = np.linspace(-0.5, 0.5, int(np.ceil(1.0 / _RESOLUTION)) + 1)
    counts, _ = np.histogram(deviations, edges)
    return float(edges[np.argmax(counts)])


def spectral_peaks(power: Spectrum, sample_rate: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Frequency (Hz) and height of every peak, found by parabolas (`librosa.piptrack(S=power.T)`).

    A peak is a local maximum above a tenth of its frame's maximum. Rounding
    follows librosa's step by step, since the commonest deviation hangs on it.
    """
    n_fft = 2 * (power.shape[1] - 1)
    bins = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    allowed = np.flatnonzero((bins >= LOWEST) & (bins < min(HIGHEST, sample_rate / 2)))
    first, last = int(allowed[0]), int(allowed[-1]) + 1
    left, here, right = (power[:, first + step : last + step] for step in (-1, 0, 1))
    quiet = _LOUDEST_SHARE * power.max(axis=1, keepdims=True)
    is_peak = (here > quiet) & (here > left) & (here >= right)
    frames, peaks = np.divmod(np.flatnonzero(is_peak), last - first)  # ten times as fast as np.nonzero
    places = frames * power.shape[1] + peaks + first
    shifts, heights = _parabola(*(power.reshape(-1).take(places + step) for step in (-1, 0, 1)))
    frequencies = ((peaks + first + shifts) * float(sample_rate) / n_fft).astype(np.float32)
    return frequencies, heights


def _parabola(
    left: NDArray[np.float32], here: NDArray[np.float32], right: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shift (bins) and height of the top of the parabola through three neighbours."""
    curvature = (right + left).astype(np.float64) - 2.0 * here
    slope = (right - left).astype(np.float64) / 2
    inside = np.abs(slope) < np.abs(curvature)
    shifts = np.where(inside, -slope / np.where(inside, curvature, 1.0), 0.0).astype(np.float32)
    return shifts, here + np.float32(0.5) * ((right - left) / np.float32(2)) * shifts
