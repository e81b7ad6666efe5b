"""What the sheet of a song shows: pictures of one recording, each with the physical axis of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from earshot.features.mel import decibels
from earshot.features.spectrum import Spectrum
from earshot.pages import ticks
from earshot.pages.ticks import CQT_OCTAVES, LOWEST, ROWS_AN_OCTAVE, Ticks
from earshot.params import HyperImages

FLOOR = 80.0
"""Decibels below the loudest that count as silence."""

_CQT_LEAST_SECONDS = 2.0


@dataclass(frozen=True)
class Panel:
    """One picture: what it shows, in what unit, and its rows over time.

    Attributes
    ----------
    values
        `(n_rows, n_frames)`, the lowest row first.
    """

    name: str
    unit: str
    values: NDArray[np.float32]
    ticks: Ticks


def spectrum_panels(
    samples: NDArray[np.float32], power: Spectrum, sample_rate: int, hop_length: int
) -> list[Panel]:
    """Power on a linear and a logarithmic axis, and the constant-Q transform, in decibels.

    Parameters
    ----------
    samples
        Mono, `(n_samples,)`.
    power
        Their `power_spectra`, `(n_frames, n_fft // 2 + 1)`.
    sample_rate
        Hz.
    """
    n_fft = 2 * (power.shape[1] - 1)
    on_log_axis = power @ log_bank(sample_rate, n_fft)  # (n_frames, n_log_rows)
    return [
        Panel("Power spectrum", "Hz, linear", _levels(power).T, ticks.linear(sample_rate, n_fft)),
        Panel("Power spectrum", "Hz, logarithmic", _levels(on_log_axis).T, ticks.logarithmic(sample_rate)),
        Panel("Constant-Q", "note", constant_q(samples, sample_rate, hop_length), ticks.notes()),
    ]


def family_panels(families: Mapping[str, NDArray[np.float32]], settings: HyperImages) -> list[Panel]:
    """The families of a hyper-image, family -> `(n_rows, n_frames)` in 0..1, each on its own axis."""
    mel = ticks.mel(settings.n_mels, settings.sample_rate / 2)
    return [
        Panel("Chroma", "pitch class", families["chroma"], ticks.pitches()),
        Panel("Tempogram", "BPM, octaves as one", families["tempogram"], ticks.tempi()),
        Panel("Log mel", "Hz", families["mel"], mel),
        Panel("MFCC", "coefficient", families["mfcc"], ticks.coefficients(settings.n_mfcc)),
        Panel("Contrast", "octaves, Hz", families["contrast"], ticks.bands()),
        Panel("Tonnetz", "circle of", families["tonnetz"], ticks.circles()),
    ]


def envelope(samples: NDArray[np.float32], n_columns: int) -> NDArray[np.float32]:
    """Lowest and highest of each of `n_columns` stretches, `(2, n_columns)`; at most one a sample."""
    # stretch c holds samples starts[c] to starts[c + 1]
    starts = np.linspace(0, len(samples), min(n_columns, len(samples)), endpoint=False).astype(np.intp)
    return np.stack([np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)])


@lru_cache(maxsize=2)
def log_bank(sample_rate: int, n_fft: int) -> NDArray[np.float32]:
    """Means over rows that are evenly spaced in log frequency from `LOWEST` up, `(n_fft // 2 + 1, n_rows)`.

    A weight is the share of the row that lies in the bin.
    """
    n_rows = int(ROWS_AN_OCTAVE * np.log2(sample_rate / 2 / LOWEST))
    edges = LOWEST * 2.0 ** (np.arange(n_rows + 1) / ROWS_AN_OCTAVE)
    width = sample_rate / n_fft
    bins = np.arange(n_fft // 2 + 1)[:, None] * width
    # Hz that row and bin share, below 0 for none; (n_bins, n_rows)
    overlap = np.minimum(edges[1:], bins + width / 2) - np.maximum(edges[:-1], bins - width / 2)
    shares: NDArray[np.float32] = (np.maximum(overlap, 0) / np.diff(edges)).astype(np.float32)
    return shares


def constant_q(samples: NDArray[np.float32], sample_rate: int, hop_length: int) -> NDArray[np.float32]:
    """Decibels of `librosa.cqt` from C2 up to C8, `(6 * ROWS_AN_OCTAVE, n_frames)`.

    C. Schörkhuber, A. Klapuri: Constant-Q transform toolbox for music processing, SMC 2010.
    """
    import librosa

    n_frames = 1 + len(samples) // hop_length
    missing = int(_CQT_LEAST_SECONDS * sample_rate) - len(samples)
    transform = librosa.cqt(
        np.pad(samples, (0, max(0, missing))),
        sr=sample_rate,
        hop_length=hop_length,
        fmin=librosa.note_to_hz(f"C{CQT_OCTAVES[0]}"),
        n_bins=len(CQT_OCTAVES) * ROWS_AN_OCTAVE,
        bins_per_octave=ROWS_AN_OCTAVE,
    )
    return _levels((np.abs(transform[:, :n_frames]) ** 2).astype(np.float32))  # without frames of the padding


def _levels(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Decibels, at least `FLOOR` below the loudest."""
    levels = decibels(power)
    levels[:] = np.maximum(levels, levels.max() - np.float32(FLOOR))
    return levels
