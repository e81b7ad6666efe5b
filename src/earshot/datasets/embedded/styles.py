"""The eight styles: what an artist of each one tends to play."""

from __future__ import annotations

from dataclasses import dataclass


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
