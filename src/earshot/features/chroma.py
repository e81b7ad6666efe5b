"""Chroma: how much of each of the twelve pitch classes a frame holds."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from earshot.features.spectrum import Spectrum

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

_N = len(PITCH_CLASSES)
_CENTRE_OCTAVE, _OCTAVE_WIDTH = 5.0, 2.0
_SEMITONES_FROM_A_TO_C = 3


@lru_cache(maxsize=128)
def chroma_bank(sample_rate: int, n_fft: int, tuning: float) -> NDArray[np.float32]:
    """Weights of every bin for every pitch class, `(n_fft // 2 + 1, 12)`.

    `librosa.filters.chroma(sr=sample_rate, n_fft=n_fft, tuning=tuning).T`:
    Gaussian bumps around the pitch class, loudest around the fifth octave.
    """
    semitones = _semitones(sample_rate, n_fft, tuning)
    # a bump is as wide as the step to the next bin in semitones, at least one; (n_fft,)
    widths = np.append(np.maximum(np.diff(semitones), 1.0), 1.0)
    distances = semitones[:, None] - np.arange(_N)  # (n_fft, 12)
    # to the nearest octave, -6..6 semitones; 10 octaves are added, as in librosa, so that all are positive
    distances = np.remainder(distances + _N / 2 + 10 * _N, _N) - _N / 2
    bumps = np.exp(-0.5 * (2 * distances / widths[:, None]) ** 2)
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    bumps *= np.exp(-0.5 * ((semitones / _N - _CENTRE_OCTAVE) / _OCTAVE_WIDTH) ** 2)[:, None]
    # from A first to C first; bins above Nyquist are mirror images and go
    bank = np.roll(bumps, -_SEMITONES_FROM_A_TO_C, axis=1)[: n_fft // 2 + 1]
    return np.ascontiguousarray(bank, dtype=np.float32)


def _semitones(sample_rate: int, n_fft: int, tuning: float) -> NDArray[np.float64]:
    """Pitch of each of `n_fft` bins in semitones above A0; bin 0 is put 18 below bin 1."""
    frequencies = np.arange(1, n_fft) * (sample_rate / n_fft)
    reference = 440.0 * 2.0 ** (tuning / _N) / 16  # A0, four octaves below A = 440 Hz, as it is tuned
    semitones = _N * np.log2(frequencies / reference)
    return np.concatenate([[semitones[0] - 1.5 * _N], semitones])  # bin 0 is 0 Hz, whose logarithm is -inf


def chroma(power: Spectrum, bank: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chroma `(n_frames, 12)`, C first, the largest of a frame 1.

    `librosa.feature.chroma_stft(S=power.T)`.
    """
    raw: NDArray[np.float32] = power @ bank
    largest = raw.max(axis=1, keepdims=True)
    largest[largest < np.finfo(np.float32).tiny] = 1.0  # silence stays 0
    raw /= largest
    return raw
