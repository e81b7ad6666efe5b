"""Where the physical axes of the sheet of a song have their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from earshot.features.chroma import PITCH_CLASSES
from earshot.features.contrast import LOWEST as CONTRAST_LOWEST
from earshot.features.contrast import N_BANDS
from earshot.features.mel import mel_frequencies
from earshot.features.tempogram import N_CLASSES, tempo

Ticks = dict[str, float]
"""Label -> height in rows from the lower edge; the middle of row i is at `i + 0.5`."""

LOWEST = 40.0
"""Hz: lower edge of the logarithmic axis."""

ROWS_AN_OCTAVE = 24
"""Of the logarithmic axis, and of the constant-Q transform."""

CQT_OCTAVES = range(2, 8)
"""From C2 up to C8."""

_NATURALS = "CDEFGAB"


def hertz(frequency: float) -> str:
    """As short as it can be written: 64, 1k, 2.5k."""
    return f"{frequency:g}" if frequency < 1000 else f"{frequency / 1000:g}k"


def linear(sample_rate: int, n_fft: int) -> Ticks:
    """Ticks in Hz of a power spectrum on a linear axis, one row a bin, `n_fft // 2 + 1` rows."""
    step = 1000.0 * max(1, round(sample_rate / 2 / 5000))
    # Hz to bins; + 0.5: the middle of the row
    return _hertz_ticks(np.arange(0, sample_rate / 2, step), lambda hz: hz * n_fft / sample_rate + 0.5)


def logarithmic(sample_rate: int) -> Ticks:
    """Ticks in Hz of the rows of `log_bank`, those below half of `sample_rate` (Hz)."""
    frequencies = [hz for hz in (64.0, 256.0, 1000.0, 4000.0, 16000.0) if hz < sample_rate / 2]
    # LOWEST is the lower edge of row 0, so there is no half row to add
    return _hertz_ticks(frequencies, lambda hz: ROWS_AN_OCTAVE * np.log2(hz / LOWEST))


def mel(n_mels: int, highest: float) -> Ticks:
    """Ticks in Hz of `n_mels` mel bands that reach up to `highest` (Hz)."""
    centres = mel_frequencies(n_mels + 2, highest)
    frequencies = [hz for hz in (500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0) if hz < highest]
    # point m + 1 is the centre of band m, at height m + 0.5
    return _hertz_ticks(frequencies, lambda hz: np.interp(hz, centres, np.arange(n_mels + 2) - 0.5))


def _hertz_ticks(frequencies: Iterable[float], height: Callable[[float], float]) -> Ticks:
    return {hertz(frequency): float(height(frequency)) for frequency in frequencies}


def notes() -> Ticks:
    """Ticks of the rows of `constant_q`: every C from C2 to C7."""
    return {f"C{octave}": ROWS_AN_OCTAVE * row + 0.5 for row, octave in enumerate(CQT_OCTAVES)}


def pitches() -> Ticks:
    """Ticks of the 12 chroma rows: the pitch classes without accidentals."""
    return {pitch: PITCH_CLASSES.index(pitch) + 0.5 for pitch in _NATURALS}


def tempi() -> Ticks:
    """Ticks of the tempogram rows in beats a minute, within the octave from 80 on."""
    return {str(bpm): float(N_CLASSES * np.log2(bpm / tempo(0, 1)) + 0.5) for bpm in (80, 100, 120, 140)}


def coefficients(n_mfcc: int) -> Ticks:
    """Ticks of `n_mfcc` MFCC rows: from 0, a third of them apart."""
    return {str(k): k + 0.5 for k in range(0, n_mfcc, max(1, n_mfcc // 3))}


def bands() -> Ticks:
    """Ticks in Hz of the 7 contrast rows, at the edges between neighbouring bands."""
    return {hertz(CONTRAST_LOWEST * 2.0**band): band + 1.0 for band in range(N_BANDS - 1)}


def circles() -> Ticks:
    """Ticks of the 6 tonnetz rows: one a circle, between its x and its y row."""
    return {"fifths": 1.0, "minor thirds": 3.0, "major thirds": 5.0}
