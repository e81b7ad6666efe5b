"""Recordings to measure with: music made up here, always the same, as mp3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

SECONDS, RATE, KBIT_S = 29.0, 44100, 256

_LARGEST, _SMALLEST = 320, 32
"""kbit/s of soundfile's compression levels 0 and 1."""

Stereo = NDArray[np.float32]


def write_clip(path: Path, seed: int) -> Path:
    """Broken chords spread over both sides, bass drum, snare, hi-hat and a little hiss; full scale at 0.7."""
    draw = np.random.default_rng(seed)
    t = np.arange(round(SECONDS * RATE)) / RATE
    beat = 60 / draw.uniform(80, 150)
    sound = np.float32(0.002) * draw.standard_normal((len(t), 2), np.float32)
    for first in range(0, len(t), round(2 * beat * RATE)):
        part = sound[first : first + round(2 * beat * RATE)]
        part += _chord(t[: len(part)], draw)
    sound += _drums(t, beat, draw)
    _write(path, 0.7 * sound / np.abs(sound).max())
    return path


def _chord(t: NDArray[np.float64], draw: np.random.Generator) -> Stereo:
    """Three notes of eight partials, each partial at a place of its own between left and right."""
    root = 110 * 2 ** ((draw.integers(12) + 0.1) / 12)
    sound = np.zeros((len(t), 2), np.float32)
    for semitones in (0, draw.integers(3, 5), 7):
        for number in range(1, 9):
            frequency = number * root * 2 ** (semitones / 12)
            wave = np.sin(2 * np.pi * frequency * t) * np.exp(-number * t) / number
            sound += _placed(0.1 * wave, draw.random())
    return sound


def _drums(t: NDArray[np.float64], beat: float, draw: np.random.Generator) -> Stereo:
    bass = 0.3 * np.sin(2 * np.pi * 55 * (t % beat)) * np.exp(-12 * (t % beat))
    snare = 0.1 * draw.standard_normal(len(t)) * np.exp(-20 * (t % (2 * beat)))
    hat = 0.05 * draw.standard_normal(len(t)) * np.exp(-60 * (t % (beat / 2)))
    return _placed(bass, 0.5) + _placed(snare, 0.6) + _placed(hat, 0.3)


def _placed(sound: NDArray[np.float64], left: float) -> Stereo:
    """`left` of the sound on the left, the rest on the right, `(n_samples, 2)`."""
    return np.outer(sound, [left, 1 - left]).astype(np.float32)


def _write(path: Path, sound: Stereo) -> None:
    level = (_LARGEST - KBIT_S) / (_LARGEST - _SMALLEST)
    codec = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT"}
    soundfile.write(path, sound, RATE, **codec, compression_level=level)
