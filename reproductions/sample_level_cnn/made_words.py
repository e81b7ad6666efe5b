"""Words made by a program, each in the voices of several speakers, to try keyword spotting on.

A voice is a train of pulses through three resonances, as in formant synthesis (D. H. Klatt, 1980), with noise
for what is hissed. Speakers differ in pitch, length of the vocal tract, speed and breath; no two takes of a
word are the same in pitch, speed, level, start and the noise behind. Every word is another one backwards:
what hears no order in time can tell five pairs apart, and half of the words. Nobody is asked about in a
voice that was learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from earshot.datasets.embedded.randomness import generator
from sample_level_cnn.clips import ClipTask, segments, sixths

SAMPLE_RATE = 22050
SECONDS = 1.0
N_TAKES = 4
_EDGE = 0.015
"""Seconds in which a sound rises and falls."""

VOWELS = {
    "i": (280, 2250, 2900),
    "e": (400, 2000, 2550),
    "a": (730, 1100, 2450),
    "o": (500, 900, 2400),
    "u": (310, 870, 2250),
    "r": (420, 1300, 1600),
    "n": (250, 1500, 2300),
    "w": (300, 650, 2150),
}
"""Resonances of what is voiced, Hz (after Peterson and Barney, 1952)."""
HISSES = {"s": (4500, 9000), "f": (1500, 9500), "t": (3000, 8000), "k": (1500, 3500), "z": (4000, 8000)}
"""Bands of what is hissed, Hz."""
WORDS = {
    "one": "wan",
    "now": "naw",
    "four": "foor",
    "roof": "roof",
    "ten": "ten",
    "net": "net",
    "see": "sii",
    "ease": "iis",
    "core": "koor",
    "rock": "rook",
}
"""As they are said: every other one is the one before backwards."""

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Speaker:
    """A voice: pitch (Hz), how much shorter the vocal tract, how fast, and the share of breath."""

    hertz: float
    tract: float
    speed: float
    breath: float


def made_words(n_speakers: int) -> ClipTask:
    """`N_TAKES` of each word by each of `n_speakers`, one second each.

    Of six speakers four are learned from, the fifth is for early stopping, the sixth held out, and so on.
    """
    told = list(product(range(n_speakers), WORDS, range(N_TAKES)))
    speakers = np.array([speaker for speaker, _, _ in told])
    sounds = np.stack([segments(say(*each), 1, int(SECONDS * SAMPLE_RATE)) for each in told])
    targets = np.array([[word == name for name in WORDS] for _, word, _ in told], dtype=np.float32)
    groups = np.array([f"speaker {number}" for number in speakers], dtype=object)
    return ClipTask(list(WORDS), True, sounds, targets, groups, *sixths(speakers), {})


def speaker(number: int) -> Speaker:
    """The speaker of this number."""
    pitch, tract, speed, breath = generator("speaker", number).uniform(0, 1, 4)
    return Speaker(90 * 2.6**pitch, 0.87 + 0.33 * tract, 0.8 + 0.45 * speed, 0.02 + 0.1 * breath)


def say(number: int, word: str, take: int) -> Samples:
    """A take of `word` by the speaker of this number, within -1 and 1, `(SECONDS * SAMPLE_RATE,)`."""
    draw, voice = generator("word", number, word, take), speaker(number)
    length = int(0.13 * SAMPLE_RATE / voice.speed * draw.uniform(0.85, 1.2))
    hertz = voice.hertz * draw.uniform(0.92, 1.08)
    said = np.concatenate([_sound(each, length, hertz, voice, draw) for each in WORDS[word]])
    samples = draw.normal(0, 10 ** draw.uniform(-3.5, -2.3), int(SECONDS * SAMPLE_RATE))
    said = said[: len(samples)]
    start = int(draw.integers(0, len(samples) - len(said) + 1))
    samples[start : start + len(said)] += said * (10 ** draw.uniform(-1, -0.3) / np.abs(said).max())
    return np.clip(samples, -1, 1)


def _sound(name: str, length: int, hertz: float, voice: Speaker, draw: np.random.Generator) -> Samples:
    if name in HISSES:
        low, high = (edge * voice.tract for edge in HISSES[name])
        return 0.25 * _faded(band_noise(low, high, length, SAMPLE_RATE, draw))
    glide = hertz * np.linspace(1, draw.uniform(0.85, 1.1), length)  # Hz at each sample
    pulses = np.diff(np.floor(np.cumsum(glide) / SAMPLE_RATE), prepend=0.0)  # 1 where a period begins
    sound = pulses + voice.breath * draw.normal(0, 0.3, length)
    for centre in VOWELS[name]:
        sound = _resonated(sound, centre * voice.tract, 60 + 0.05 * centre)
    return _faded(sound / np.sqrt(np.mean(sound**2)))


def _resonated(sound: Samples, centre: float, width: float) -> Samples:
    """Through a resonance at `centre` Hz, `width` Hz wide."""
    radius = np.exp(-np.pi * width / SAMPLE_RATE)
    poles = [1, -2 * radius * np.cos(2 * np.pi * centre / SAMPLE_RATE), radius**2]
    return np.asarray(lfilter([sum(poles)], poles, sound))


def band_noise(low: float, high: float, length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Noise between two frequencies (Hz), root mean square 1."""
    spectrum = np.fft.rfft(draw.normal(0, 1, length))
    hertz = np.fft.rfftfreq(length, 1 / sample_rate)
    spectrum *= 1 / (1 + (low / np.maximum(hertz, 1)) ** 8) / (1 + (hertz / high) ** 8)
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _faded(sound: Samples) -> Samples:
    edge = min(int(_EDGE * SAMPLE_RATE), len(sound) // 2)
    rise = np.linspace(0, 1, edge)
    return np.asarray(sound * np.concatenate([rise, np.ones(len(sound) - 2 * edge), rise[::-1]]))
