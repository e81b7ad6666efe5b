"""Scenes made by a program: rain, an engine, birds and more, up to three at once, to try scene tagging on.

Each texture is drawn anew for every scene: pitch, speed, level, and where in the scene what comes and goes
does so. A scene is cut into segments of a second, which all have its labels, whether a texture is heard in
them or not, as in clips that are labelled as a whole.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.embedded.randomness import generator
from sample_level_cnn.clips import ClipTask, segments, sixths
from sample_level_cnn.made_words import band_noise

SAMPLE_RATE = 22050
N_SEGMENTS = 4
"""Of a second each."""
_N = N_SEGMENTS * SAMPLE_RATE
_SHARES = (1, 2, 3)
"""How many textures a scene may have."""

Samples = NDArray[np.float64]
Draw = np.random.Generator


def made_scenes(n_scenes: int) -> ClipTask:
    """`n_scenes`; of six four are learned from, the fifth is for early stopping, the sixth held out."""
    scenes = [scene(number) for number in range(n_scenes)]
    samples = np.stack([segments(sound, N_SEGMENTS, SAMPLE_RATE) for sound, _ in scenes])
    targets = np.array([[name in heard for name in TEXTURES] for _, heard in scenes], dtype=np.float32)
    numbers = np.arange(n_scenes)
    groups = np.array([f"scene {number}" for number in numbers], dtype=object)
    return ClipTask(list(TEXTURES), False, samples, targets, groups, *sixths(numbers), {})


def scene(number: int) -> tuple[Samples, list[str]]:
    """The scene of this number, within -1 and 1, `(N_SEGMENTS * SAMPLE_RATE,)`, and its textures."""
    draw = generator("scene", number)
    chosen = draw.choice(len(TEXTURES), draw.choice(_SHARES), replace=False)
    names = [list(TEXTURES)[place] for place in sorted(chosen)]
    sound = 0.02 * draw.normal(0, 1, _N)
    for name in names:
        texture = TEXTURES[name](draw)
        loud = np.sqrt(np.mean(texture**2))
        sound += texture / max(loud, 1e-9) * 10 ** draw.uniform(-0.6, 0.0)
    return sound / np.abs(sound).max() * 10 ** draw.uniform(-1, -0.05), names


def _times() -> Samples:
    return np.arange(_N) / SAMPLE_RATE


def _slow(draw: Draw, hertz: float) -> Samples:
    """A number about 1 that wanders, at about `hertz`, `(_N,)`."""
    points = draw.normal(0, 0.4, max(2, int(hertz * _N / SAMPLE_RATE) + 2))
    return np.exp(np.interp(np.linspace(0, len(points) - 1, _N), np.arange(len(points)), points))


def _events(draw: Draw, each: Samples, least: int, most: int) -> Samples:
    """`each` at random moments."""
    sound = np.zeros(_N + len(each))
    for start in draw.integers(0, _N - SAMPLE_RATE // 10, draw.integers(least, most + 1)):
        sound[start : start + len(each)] += each * draw.uniform(0.4, 1)
    return sound[:_N]


def _decaying(draw: Draw, hertz: float, seconds: float, overtones: tuple[float, ...] = (1.0,)) -> Samples:
    times = np.arange(int(4 * seconds * SAMPLE_RATE)) / SAMPLE_RATE
    waves = [np.sin(2 * np.pi * hertz * each * times) / each for each in overtones]
    return np.asarray(sum(waves) * np.exp(-times / seconds))


def _rain(draw: Draw) -> Samples:
    drops = _events(draw, _decaying(draw, draw.uniform(2500, 5000), 0.002), 200, 600)
    return 0.3 * band_noise(1500, 9000, _N, SAMPLE_RATE, draw) + drops


def _wind(draw: Draw) -> Samples:
    return band_noise(60, draw.uniform(250, 600), _N, SAMPLE_RATE, draw) * _slow(draw, 1.5) ** 2


def _engine(draw: Draw) -> Samples:
    cycles = np.cumsum(draw.uniform(28, 70) * _slow(draw, 0.5) ** 0.3) / SAMPLE_RATE
    strokes = sum(np.sin(2 * np.pi * n * cycles + draw.uniform(0, 6)) / n**0.7 for n in range(1, 16))
    return np.asarray(strokes * (1 + 0.5 * np.sin(2 * np.pi * cycles / 2)))


def _birds(draw: Draw) -> Samples:
    times = np.arange(int(draw.uniform(0.06, 0.16) * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = draw.uniform(2800, 5500) * np.linspace(1, draw.uniform(0.6, 1.5), len(times))
    trill = 1 + 0.15 * np.sin(2 * np.pi * draw.uniform(20, 45) * times)
    chirp = np.sin(2 * np.pi * np.cumsum(hertz * trill) / SAMPLE_RATE) * np.hanning(len(times))
    return _events(draw, chirp, 6, 20)


def _siren(draw: Draw) -> Samples:
    low, high = draw.uniform(400, 650), draw.uniform(900, 1500)
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * draw.uniform(0.25, 1.2) * _times() + draw.uniform(0, 6))
    cycles = np.cumsum(low + (high - low) * swing) / SAMPLE_RATE
    return np.asarray(np.sin(2 * np.pi * cycles) + 0.4 * np.sin(6 * np.pi * cycles))


def _hammer(draw: Draw) -> Samples:
    blow = _decaying(draw, draw.uniform(150, 400), 0.03, (1.0, 2.7, 5.1))
    period = int(draw.uniform(0.25, 0.6) * SAMPLE_RATE)
    sound = np.zeros(_N + len(blow))
    for start in range(int(draw.integers(0, period)), _N, period):
        sound[start : start + len(blow)] += blow * draw.uniform(0.7, 1)
    return sound[:_N]


def _bell(draw: Draw) -> Samples:
    return _events(draw, _decaying(draw, draw.uniform(500, 1100), 0.5, (1.0, 2.0, 2.4, 3.0, 4.5)), 1, 3)


def _crickets(draw: Draw) -> Samples:
    pulses = np.maximum(0, np.sin(2 * np.pi * draw.uniform(18, 32) * _times())) ** 3
    groups = np.sin(2 * np.pi * draw.uniform(1.5, 3.5) * _times() + draw.uniform(0, 6)) > -0.2
    return np.asarray(np.sin(2 * np.pi * draw.uniform(4200, 6500) * _times()) * pulses * groups)


TEXTURES: dict[str, Callable[[Draw], Samples]] = {
    "rain": _rain,
    "wind": _wind,
    "engine": _engine,
    "birds": _birds,
    "siren": _siren,
    "hammer": _hammer,
    "bell": _bell,
    "crickets": _crickets,
}
