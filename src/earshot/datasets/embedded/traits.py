"""What can be heard in a song, and drawing it: a style, an artist's habits, the song itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.embedded.randomness import generator

T = TypeVar("T")

TONICS = (0, 2, 4, 7, 9)
"""Pitch classes of the keys in use: C, D, E, G, A."""
N_KITS = 12
"""Drum kits, each of its own sound."""
VALENCE = {"minor": -1.0, "dorian": -0.4, "mixolydian": 0.4, "major": 1.0}
GROOVES = {
    "four on the floor": (1.0, -0.8),
    "backbeat": (0.5, -0.4),
    "shuffle": (0.2, 0.2),
    "break": (0.7, 1.0),
    "half time": (-0.5, -0.2),
    "bossa": (-0.3, 0.8),
    "sparse": (-1.0, -0.6),
}
"""Drive and syncopation of every groove."""


@dataclass(frozen=True)
class Traits:
    """What can be heard in one song.

    Attributes
    ----------
    tempo
        Beats a minute.
    tonic
        Pitch class of the key, 0 = C.
    mode, groove
        A key of `VALENCE`, of `GROOVES`.
    chord_size
        Notes in a chord: 3 triads, 4 seventh chords.
    chord_bars
        Bars that a chord lasts.
    swing, drums, brightness, softness, density
        In 0 .. 1: how late every second eighth comes, how loud the drums are, how
        many overtones, how slowly notes begin, how many melody notes.
    chord_instrument, lead_instrument, kit
        Names in `earshot.datasets.embedded.instruments`, a number in `synthesis`.
    """

    tempo: float
    tonic: int
    mode: str
    groove: str
    chord_size: int
    chord_bars: float
    swing: float
    drums: float
    brightness: float
    softness: float
    density: float
    chord_instrument: str
    lead_instrument: str
    kit: int


@dataclass(frozen=True)
class Artist:
    """A number, a style, and the habits that songs vary around."""

    number: int
    style: Style
    habits: Traits


@cache
def draw_artist(number: int) -> Artist:
    """The artist of this number: habits near those of a style, sometimes foreign to it."""
    rng = generator("artist", number)
    style = STYLES[int(rng.integers(len(STYLES)))]
    return Artist(number, style, _habits(style, rng))


def draw_song(artist: Artist, number: int) -> Traits:
    """The traits of the song of this number: near its artist's habits."""
    rng = generator("song", number, "traits")
    habits, foreign = artist.habits, _habits(artist.style, rng)
    return Traits(
        tempo=_tempo(habits.tempo, 0.08, rng),
        tonic=_either(habits.tonic, foreign.tonic, 0.5, rng),
        mode=_either(habits.mode, foreign.mode, 0.35, rng),
        groove=_either(habits.groove, foreign.groove, 0.3, rng),
        chord_size=_either(habits.chord_size, foreign.chord_size, 0.3, rng),
        chord_bars=_either(habits.chord_bars, foreign.chord_bars, 0.4, rng),
        swing=_near(habits.swing, 0.1, rng),
        drums=_near(habits.drums, 0.1, rng),
        brightness=_near(habits.brightness, 0.1, rng),
        softness=_near(habits.softness, 0.1, rng),
        density=_near(habits.density, 0.12, rng),
        chord_instrument=habits.chord_instrument,
        lead_instrument=_either(habits.lead_instrument, foreign.lead_instrument, 0.3, rng),
        kit=_either(habits.kit, foreign.kit, 0.2, rng),
    )


def taste_coordinates(traits: Traits) -> NDArray[np.float64]:
    """Where the song lies in the space that tastes are smooth over, shape (11,), each about -1 .. 1.

    Key, instruments and kit are left out: nobody here likes a song for its key.
    """
    drive, syncopation = GROOVES[traits.groove]
    amounts = (traits.swing, traits.drums, traits.brightness, traits.softness, traits.density)
    return np.array(
        [
            math.log2(traits.tempo / 110) * 2,
            VALENCE[traits.mode],
            2.0 * traits.chord_size - 7,
            -math.log2(traits.chord_bars),
            drive,
            syncopation,
            *(2 * amount - 1 for amount in amounts),
        ]
    )


def _habits(style: Style, rng: np.random.Generator) -> Traits:
    return Traits(
        tempo=_tempo(style.tempo, 0.14, rng),
        tonic=_choice(TONICS, rng),
        mode=_usual(style.modes, tuple(VALENCE), 0.3, rng),
        groove=_usual(style.grooves, tuple(GROOVES), 0.2, rng),
        chord_size=_usual(style.chord_sizes, (3, 4), 0.2, rng),
        chord_bars=_usual(style.chord_bars, (0.5, 1.0, 2.0), 0.2, rng),
        swing=_near(style.swing, 0.15, rng),
        drums=_near(style.drums, 0.18, rng),
        brightness=_near(style.brightness, 0.18, rng),
        softness=_near(style.softness, 0.18, rng),
        density=_near(style.density, 0.2, rng),
        chord_instrument=_choice(style.instruments, rng),
        lead_instrument=_choice(style.instruments, rng),
        kit=int(rng.integers(N_KITS)),
    )


def _tempo(center: float, octaves: float, rng: np.random.Generator) -> float:
    """Beats a minute around `center`, in 64 .. 176, to a tenth."""
    return round(float(np.clip(center * 2 ** (octaves * rng.standard_normal()), 64, 176)), 1)


def _near(center: float, spread: float, rng: np.random.Generator) -> float:
    return round(float(np.clip(center + spread * rng.standard_normal(), 0, 1)), 3)


def _usual(usual: tuple[T, ...], possible: tuple[T, ...], foreign: float, rng: np.random.Generator) -> T:
    """One of `usual`, the first likelier; in a share `foreign` of the cases any of `possible`."""
    chosen = usual[min(int(rng.exponential(0.7)), len(usual) - 1)]
    return _either(chosen, _choice(possible, rng), foreign, rng)


def _choice(values: tuple[T, ...], rng: np.random.Generator) -> T:
    return values[int(rng.integers(len(values)))]


def _either(habit: T, other: T, other_share: float, rng: np.random.Generator) -> T:
    return other if rng.random() < other_share else habit


@dataclass(frozen=True)
class Style:
    """Where the traits of a style's artists lie.

    Attributes
    ----------
    genre
        Its name in `songs.csv`.
    tempo
        Usual beats a minute.
    modes, grooves, chord_sizes, chord_bars
        Usual values, the likeliest first.
    swing, drums, brightness, softness, density
        Usual values in 0 .. 1; see `earshot.datasets.embedded.traits.Traits`.
    instruments
        Chord and lead instruments to choose from.
    """

    genre: str
    tempo: float
    modes: tuple[str, ...]
    grooves: tuple[str, ...]
    chord_sizes: tuple[int, ...]
    chord_bars: tuple[float, ...]
    swing: float
    drums: float
    brightness: float
    softness: float
    density: float
    instruments: tuple[str, ...]


STYLES = (
    Style("ambient", 76, ("major", "dorian"), ("sparse", "half time"), (4, 3), (1.0, 2.0),
          0.1, 0.15, 0.25, 0.9, 0.25, ("glass", "choir", "organ")),
    Style("bossa nova", 124, ("major", "dorian"), ("bossa", "sparse"), (4,), (0.5, 1.0),
          0.2, 0.4, 0.4, 0.35, 0.5, ("guitar", "flute", "piano")),
    Style("breakbeat", 156, ("minor", "dorian"), ("break", "half time"), (3, 4), (1.0, 2.0),
          0.2, 0.85, 0.65, 0.5, 0.6, ("saw", "organ", "square")),
    Style("folk", 104, ("major", "mixolydian"), ("sparse", "backbeat"), (3,), (1.0, 0.5),
          0.25, 0.2, 0.5, 0.15, 0.55, ("guitar", "flute", "piano")),
    Style("house", 124, ("minor", "dorian"), ("four on the floor",), (4, 3), (1.0, 0.5),
          0.3, 0.8, 0.55, 0.45, 0.45, ("organ", "piano", "saw")),
    Style("lo-fi", 84, ("dorian", "minor"), ("shuffle", "half time"), (4,), (0.5, 1.0),
          0.7, 0.5, 0.15, 0.5, 0.35, ("piano", "guitar", "glass")),
    Style("rock", 132, ("mixolydian", "minor", "major"), ("backbeat", "shuffle"), (3,), (1.0, 0.5),
          0.1, 0.75, 0.75, 0.3, 0.5, ("guitar", "saw", "square")),
    Style("synth-pop", 116, ("major", "minor"), ("backbeat", "four on the floor"), (3, 4), (1.0, 0.5),
          0.05, 0.6, 0.85, 0.6, 0.75, ("square", "saw", "glass")),
)  # fmt: skip
