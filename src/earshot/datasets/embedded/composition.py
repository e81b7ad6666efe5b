"""From traits to a score: which note when, for chords, bass, melody and drums."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from earshot.datasets.embedded.randomness import generator
from earshot.datasets.embedded.traits import Traits


@dataclass(frozen=True)
class Groove:
    """One bar; every line has 16 places."""

    kick: str
    snare: str
    hat: str
    bass: str
    comping: str


GROOVES = {
    "four on the floor": Groove(
        kick="x...x...x...x...",
        snare="....x.......x...",
        hat="..x...x...x...x.",
        bass="..x...x...x...x.",
        comping="..x..x....x..x..",
    ),
    "backbeat": Groove(
        kick="x.......x.x.....",
        snare="....x.......x...",
        hat="x.o.x.o.x.o.x.o.",
        bass="x.x.x.x.x.x.x.x.",
        comping="x...x.x.x...x.x.",
    ),
    "shuffle": Groove(
        kick="x.....x.x.......",
        snare="....x.......x.o.",
        hat="x...x.x.x...x.x.",
        bass="x...x...x...x.x.",
        comping="x.....x.....x...",
    ),
    "break": Groove(
        kick="x.x.......xx....",
        snare="....x..o.o..x..o",
        hat="x.x.x.x.x.x.x.x.",
        bass="x.....x...x.....",
        comping="x..x..x.........",
    ),
    "half time": Groove(
        kick="x.....x.........",
        snare="........x.......",
        hat="x.o.x.o.x.o.x.oo",
        bass="x.........x.....",
        comping="x.......x.......",
    ),
    "bossa": Groove(
        kick="x.....xox.....xo",
        snare="x..x..x...x..x..",
        hat="xoxoxoxoxoxoxoxo",
        bass="x.....x.x.....x.",
        comping="x..x..x...x..x..",
    ),
    "sparse": Groove(
        kick="x.......o.......",
        snare="................",
        hat="..o...o...o...o.",
        bass="x...............",
        comping="x.......x.......",
    ),
}


def velocities(line: str) -> list[tuple[int, float]]:
    """The sixteenths of a line that sound, and how hard.

    >>> velocities("x..o")
    [(0, 1.0), (3, 0.4)]
    """
    return [(place, 1.0 if mark == "x" else 0.4) for place, mark in enumerate(line) if mark != "."]


SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
"""Semitones above the tonic."""
PROGRESSIONS = {
    "major": ((0, 3, 4, 3), (0, 5, 3, 4), (0, 3, 0, 4), (0, 2, 3, 4)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 0), (0, 6, 0, 3), (0, 4, 6, 3)),
    "dorian": ((0, 3, 0, 3), (0, 3, 6, 0), (0, 2, 3, 0), (0, 6, 3, 0)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 3, 0, 4)),
}
"""Chord roots as steps of the scale, 0 the tonic; every one begins at home."""


def pitch(tonic: int, mode: str, step: int, octave: int) -> int:
    """MIDI number of a step of the scale; steps go on beyond the octave.

    >>> pitch(0, "major", 2, 4), pitch(0, "minor", 2, 4), pitch(9, "minor", 7, 3)
    (64, 63, 69)
    """
    octaves, degree = divmod(step, 7)
    return 12 * (octave + 1 + octaves) + tonic + SCALES[mode][degree]  # MIDI: C of octave -1 is 0


def chord(tonic: int, mode: str, root: int, size: int) -> tuple[int, ...]:
    """Pitch classes of `size` stacked thirds of the scale, the root first.

    >>> chord(0, "major", 4, 3), chord(0, "major", 4, 4)
    ((7, 11, 2), (7, 11, 2, 5))
    """
    return tuple(pitch(tonic, mode, root + 2 * third, 4) % 12 for third in range(size))


def voicing(pitch_classes: tuple[int, ...], center: int) -> tuple[int, ...]:
    """Every pitch class as the MIDI number nearest to `center`, ascending: hands move little.

    >>> voicing((7, 11, 2), 60)
    (55, 59, 62)
    """
    # modulo 12, to center - 6 .. center + 5
    return tuple(sorted(center - 6 + (pitch_class - center + 6) % 12 for pitch_class in pitch_classes))


def melody_steps(rng: np.random.Generator, notes: list[tuple[int, bool]]) -> list[int]:
    """A step of the scale for every note of a phrase: small moves, and chord notes on the beats.

    `notes` holds the root of the chord below each note, and whether it falls on a beat.
    """
    position = notes[0][0] % 7 + 2 * int(rng.integers(3))
    steps = []
    for root, on_beat in notes:
        steps.append(chord_step(position, root) if on_beat else position)
        position = int(np.clip(steps[-1] + rng.choice((-2, -1, -1, 1, 1, 2)), -1, 9))
    return steps


def chord_step(step: int, root: int) -> int:
    """The step nearest to `step` that is in the triad on `root`.

    >>> [chord_step(step, 0) for step in range(8)]
    [0, 0, 2, 2, 4, 4, 7, 7]
    """
    # from each step above the root to the nearest of 0, 2, 4, 7
    return step + (0, -1, 0, -1, 0, -1, 1)[(step - root) % 7]


SECONDS = 10
BEATS = 4
"""Beats in a bar."""


@dataclass(frozen=True)
class Note:
    """A tone: start and length in beats, MIDI pitch, loudness in 0 .. 1."""

    beat: float
    beats: float
    pitch: int
    velocity: float


@dataclass(frozen=True)
class Hit:
    """A stroke of `drum` ("kick", "snare" or "hat")."""

    beat: float
    drum: str
    velocity: float


@dataclass(frozen=True)
class Score:
    """All the notes of a song; `roots` are the steps of the scale its chords stand on."""

    roots: tuple[int, ...]
    chords: list[Note]
    bass: list[Note]
    melody: list[Note]
    drums: list[Hit]


def compose(number: int, traits: Traits) -> Score:
    """The score of the song of this number."""
    rng = generator("song", number, "score")
    progressions = PROGRESSIONS[traits.mode]
    roots = progressions[int(rng.integers(len(progressions)))]
    n_bars = ceil(SECONDS * traits.tempo / 60 / BEATS)  # seconds to beats to bars
    return Score(
        roots,
        list(_chords(traits, roots, n_bars)),
        list(_bass(traits, roots, n_bars)),
        list(_melody(traits, roots, n_bars, rng)),
        list(_drums(traits, n_bars)),
    )


def root_at(traits: Traits, roots: tuple[int, ...], beat: float) -> int:
    """The step that the chord sounding at `beat` stands on."""
    return roots[int(beat / (BEATS * traits.chord_bars)) % len(roots)]


def _chords(traits: Traits, roots: tuple[int, ...], n_bars: int) -> Iterator[Note]:
    """Held for soft players, struck in the groove's rhythm, or broken into single notes."""
    if traits.softness > 0.6:
        return _held(traits, roots, n_bars)
    return _struck(traits, roots, n_bars) if traits.softness > 0.3 else _broken(traits, roots, n_bars)


def _pitches(traits: Traits, roots: tuple[int, ...], beat: float) -> tuple[int, ...]:
    step = root_at(traits, roots, beat)
    return voicing(chord(traits.tonic, traits.mode, step, traits.chord_size), 66)


def _held(traits: Traits, roots: tuple[int, ...], n_bars: int) -> Iterator[Note]:
    length = BEATS * traits.chord_bars
    for beat in np.arange(0, n_bars * BEATS, length).tolist():
        yield from (Note(beat, length, tone, 0.8) for tone in _pitches(traits, roots, beat))


def _struck(traits: Traits, roots: tuple[int, ...], n_bars: int) -> Iterator[Note]:
    for beat, velocity in _places(GROOVES[traits.groove].comping, n_bars):
        yield from (Note(beat, 0.6, tone, velocity) for tone in _pitches(traits, roots, beat))


def _broken(traits: Traits, roots: tuple[int, ...], n_bars: int) -> Iterator[Note]:
    order = (0, 1, 2, 1)
    for eighth in range(n_bars * BEATS * 2):
        tones = _pitches(traits, roots, eighth / 2)
        yield Note(eighth / 2, 1.0, tones[order[eighth % 4] if traits.chord_size == 3 else eighth % 4], 1.0)


def _bass(traits: Traits, roots: tuple[int, ...], n_bars: int) -> Iterator[Note]:
    """Roots in the groove's rhythm, below the chords."""
    for beat, velocity in _places(GROOVES[traits.groove].bass, n_bars):
        root = chord(traits.tonic, traits.mode, root_at(traits, roots, beat), 1)
        (tone,) = voicing(root, 40)
        yield Note(beat, 2.0 if traits.groove in ("half time", "sparse") else 0.6, tone, velocity)


def _melody(traits: Traits, roots: tuple[int, ...], n_bars: int, rng: np.random.Generator) -> Iterator[Note]:
    """Two rhythms, in the order A A B A; pitches follow the chord of their bar."""
    rhythms = [_rhythm(traits.density, rng) for _ in range(2)]
    for bar in range(n_bars):
        starts = [bar * BEATS + beat for beat in rhythms[1 if bar % 4 == 2 else 0]]
        steps = melody_steps(rng, [(root_at(traits, roots, start), start % 1 == 0) for start in starts])
        ends = [*starts[1:], (bar + 1) * BEATS]
        for start, end, step in zip(starts, ends, steps, strict=True):
            tone = pitch(traits.tonic, traits.mode, step, 5 if traits.tonic < 6 else 4)
            yield Note(start, min(end - start, 1.5), tone, 1.0 if start % 1 == 0 else 0.8)


def _rhythm(density: float, rng: np.random.Generator) -> list[float]:
    """Beats of a bar on which melody notes begin; the first one is likely among them."""
    likely = np.array([4, 1, 2, 1.5, 3, 1, 2, 1.5])
    eighths = rng.choice(8, size=1 + round(6 * density), replace=False, p=likely / likely.sum())
    return sorted(float(eighth) / 2 for eighth in eighths)


def _drums(traits: Traits, n_bars: int) -> Iterator[Hit]:
    groove = GROOVES[traits.groove]
    for drum, line in (("kick", groove.kick), ("snare", groove.snare), ("hat", groove.hat)):
        yield from (Hit(beat, drum, velocity) for beat, velocity in _places(line, n_bars))


def _places(line: str, n_bars: int) -> Iterator[tuple[float, float]]:
    """Beat and velocity of every mark of a line played `n_bars` times."""
    for bar in range(n_bars):
        # place / 4: sixteenths to beats
        yield from ((bar * BEATS + place / 4, velocity) for place, velocity in velocities(line))
