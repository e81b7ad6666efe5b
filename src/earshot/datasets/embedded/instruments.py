"""Tones from wave tables.

Sines, powers and exponentials, which processors round differently, are only
used for tables, and tables are rounded to multiples of 2^-20 (`on_grid`). All
that follows is additions and multiplications of numbers, one at a time, which
every machine does alike: so the 16-bit samples are the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

SAMPLE_RATE = 22050
_TABLE = 4096
_GRID = 2.0**20
_HIGHEST_HERTZ = 9500.0
_RELEASE_SECONDS = 0.06


@dataclass(frozen=True)
class Instrument:
    """How a tone is made.

    Attributes
    ----------
    slope
        Overtone h has amplitude h^-slope, in the brightest playing.
    even
        Amplitude of the even overtones, 0 (hollow) .. 1.
    decay
        Seconds in which a tone falls by 1 / e; None where it is held.
    """

    slope: float
    even: float
    decay: float | None


INSTRUMENTS = {
    "bass": Instrument(1.3, 0.8, 0.6),
    "choir": Instrument(1.1, 0.7, None),
    "flute": Instrument(2.0, 0.3, None),
    "glass": Instrument(1.4, 0.1, 0.7),
    "guitar": Instrument(1.0, 0.9, 0.35),
    "organ": Instrument(1.2, 1.0, None),
    "piano": Instrument(1.2, 1.0, 0.5),
    "saw": Instrument(0.8, 1.0, None),
    "square": Instrument(0.8, 0.0, None),
}


@dataclass(frozen=True)
class Playing:
    """How an instrument is played: brightness in 0 .. 1, attack in seconds."""

    instrument: str
    brightness: float
    attack: float


def on_grid(values: NDArray[np.float64]) -> Samples:
    """`values`, of any shape, rounded to multiples of 2^-20."""
    return np.rint(values * _GRID) / _GRID


@lru_cache(maxsize=1024)
def tone(playing: Playing, pitch: int, n_samples: int) -> Samples:
    """A tone of unit amplitude and its release, at a MIDI pitch; read-only.

    Two tables, a little out of tune with each other, for width; the brighter
    sound fades into a darker one.
    """
    hertz = 440 * 2 ** ((pitch - 69) / 12)  # MIDI 69 is A = 440 Hz
    n_overtones = max(1, int(_HIGHEST_HERTZ / hertz))
    envelope = _envelope(playing, n_samples + int(_RELEASE_SECONDS * SAMPLE_RATE))
    bright = wave_table(playing.instrument, playing.brightness, n_overtones)
    dark = wave_table(playing.instrument, playing.brightness / 2, n_overtones)
    samples = 0.55 * _oscillate(bright, hertz * 1.0015, len(envelope))
    samples += 0.45 * _oscillate(dark, hertz * 0.9985, len(envelope))
    samples *= envelope
    samples.flags.writeable = False
    return samples


@lru_cache(maxsize=1024)
def wave_table(instrument: str, brightness: float, n_overtones: int) -> Samples:
    """One period, shape (4096,), root mean square 1 / 4."""
    made = INSTRUMENTS[instrument]
    overtone = np.arange(1, n_overtones + 1)
    amplitude = overtone ** -(made.slope + 1.8 * (1 - brightness))
    amplitude[1::2] *= made.even  # overtones 2, 4, ...: the first stands at 0
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    # Phases growing with the square keep the peaks low (Schroeder 1970).
    spectrum[1 : n_overtones + 1] = amplitude * np.exp(1j * np.pi * overtone**2 / n_overtones)
    wave = np.fft.irfft(spectrum)  # bin h is h periods in the table
    return on_grid(wave / np.sqrt(np.mean(wave**2)) / 4)


def _oscillate(table: Samples, hertz: float, n_samples: int) -> Samples:
    step = float(on_grid(np.array(hertz * _TABLE / SAMPLE_RATE)))  # places of the table a sample
    places = (np.arange(n_samples) * step).astype(np.int64) & (_TABLE - 1)  # modulo _TABLE, a power of two
    samples: Samples = table[places]
    return samples


def _envelope(playing: Playing, n_samples: int) -> Samples:
    """Rise, decay where the instrument decays, and a release at the end; straight lines but for the decay."""
    decay = INSTRUMENTS[playing.instrument].decay
    envelope = fall(decay, n_samples).copy() if decay else np.ones(n_samples)
    rise = min(n_samples, max(1, int(playing.attack * SAMPLE_RATE)))
    envelope[:rise] *= np.arange(rise) / rise
    release = min(n_samples, int(_RELEASE_SECONDS * SAMPLE_RATE))
    envelope[-release:] *= np.arange(release, 0, -1) / release
    return envelope


@lru_cache(maxsize=256)
def fall(decay: float, n_samples: int) -> Samples:
    """exp(-t / decay), t and `decay` in seconds."""
    return on_grid(np.exp(-np.arange(n_samples) / (decay * SAMPLE_RATE)))
