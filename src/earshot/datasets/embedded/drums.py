"""Kick, snare and hat: a falling tone, and noise shaped in frequency and time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from earshot.datasets.embedded.instruments import SAMPLE_RATE, Samples, fall, on_grid
from earshot.datasets.embedded.randomness import generator


@lru_cache(maxsize=64)
def stroke(drum: str, brightness: float) -> Samples:
    """One stroke of `drum`; `brightness` in 0 .. 1 tunes the noise."""
    return {"kick": _kick, "snare": _snare, "hat": _hat}[drum](brightness)


def _kick(brightness: float) -> Samples:
    seconds = np.arange(int(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
    cycles = 48 * seconds + 3.2 * (1 - np.exp(-seconds / 0.03))
    body = on_grid(np.sin(2 * np.pi * cycles)) * fall(0.11, len(seconds))
    return body + 0.15 * brightness * _noise("kick", 1500, 6000, 0.005, len(seconds))


def _snare(brightness: float) -> Samples:
    n_samples = int(0.25 * SAMPLE_RATE)
    body = on_grid(np.sin(2 * np.pi * 190 * np.arange(n_samples) / SAMPLE_RATE)) * fall(0.05, n_samples)
    return 0.4 * body + 0.6 * _noise("snare", 700, 4000 + 5000 * brightness, 0.07, n_samples)


def _hat(brightness: float) -> Samples:
    return 0.5 * _noise("hat", 4500 + 2500 * brightness, 10500, 0.03, int(0.12 * SAMPLE_RATE))


def _noise(name: str, low: float, high: float, decay: float, n_samples: int) -> Samples:
    """Noise between two frequencies in Hz, root mean square 1 / 3 before it decays."""
    spectrum = np.fft.rfft(generator("drum", name).uniform(-1, 1, n_samples))
    hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    spectrum *= 1 / (1 + (low / np.maximum(hertz, 1)) ** 6) / (1 + (hertz / high) ** 6)
    noise = np.fft.irfft(spectrum, n_samples)
    return on_grid(noise / np.sqrt(np.mean(noise**2)) / 3) * fall(decay, n_samples)
