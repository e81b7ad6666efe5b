"""Drum kits of kick, snare and hat: falling tones, and noise shaped in frequency and time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from earshot.datasets.embedded.instruments import SAMPLE_RATE, Samples, fall, on_grid
from earshot.datasets.embedded.randomness import generator


@dataclass(frozen=True)
class Kit:
    """The sound of a kit: pitches in Hz, decays (falling by 1 / e) in seconds, rattle in 0 .. 1."""

    kick_hertz: float
    kick_decay: float
    snare_hertz: float
    snare_decay: float
    snare_rattle: float
    hat_hertz: float
    hat_decay: float


@cache
def kit(number: int) -> Kit:
    """The kit of this number."""
    place = generator("kit", number).uniform(0, 1, 7)
    low = np.array([42, 0.07, 160, 0.04, 0.3, 3500, 0.015])
    high = np.array([60, 0.16, 260, 0.11, 0.9, 7000, 0.06])
    return Kit(*(float(value) for value in low + place * (high - low)))


@cache
def stroke(drum: str, number: int) -> Samples:
    """One stroke of `drum` ("kick", "snare" or "hat") of the kit of this number."""
    return {"kick": _kick, "snare": _snare, "hat": _hat}[drum](kit(number))


def _kick(kit: Kit) -> Samples:
    seconds = np.arange(int(0.4 * SAMPLE_RATE)) / SAMPLE_RATE
    cycles = kit.kick_hertz * seconds + 3.2 * (1 - np.exp(-seconds / 0.03))
    return on_grid(np.sin(2 * np.pi * cycles)) * fall(kit.kick_decay, len(seconds))


def _snare(kit: Kit) -> Samples:
    seconds = np.arange(int(0.3 * SAMPLE_RATE)) / SAMPLE_RATE
    body = on_grid(np.sin(2 * np.pi * kit.snare_hertz * seconds)) * fall(kit.snare_decay, len(seconds))
    noise = _noise("snare", 900, 8000, kit.snare_decay, len(seconds))
    return (1 - kit.snare_rattle) * body + kit.snare_rattle * noise


def _hat(kit: Kit) -> Samples:
    return 0.5 * _noise("hat", kit.hat_hertz, 10500, kit.hat_decay, int(0.25 * SAMPLE_RATE))


def _noise(name: str, low: float, high: float, decay: float, n_samples: int) -> Samples:
    """Noise between two frequencies in Hz, root mean square 1 / 3 before it decays."""
    spectrum = np.fft.rfft(generator("drum", name).uniform(-1, 1, n_samples))
    hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    spectrum *= 1 / (1 + (low / np.maximum(hertz, 1)) ** 6) / (1 + (hertz / high) ** 6)
    noise = np.fft.irfft(spectrum, n_samples)
    return on_grid(noise / np.sqrt(np.mean(noise**2)) / 3) * fall(decay, n_samples)
