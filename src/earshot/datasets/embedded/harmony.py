"""Chords and melody notes that belong to the key."""

from __future__ import annotations

import numpy as np

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
    return 12 * (octave + 1 + octaves) + tonic + SCALES[mode][degree]


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
    return step + (0, -1, 0, -1, 0, -1, 1)[(step - root) % 7]
