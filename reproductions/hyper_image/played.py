"""Composing over the synthesizer of the embedded catalogue: what is free is what is played, not on what.

A program gives no gradient, so that the network is climbed by trial: of some changed pieces the one that it
names with most certainty as is wanted is changed next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.embedded.instruments import SAMPLE_RATE
from earshot.datasets.embedded.synthesis import render
from earshot.datasets.embedded.traits import GROOVES, STYLES, TONICS, VALENCE, Traits

LOWEST_TEMPO, HIGHEST_TEMPO = 64.0, 176.0
_CHANGES = 2
"""Traits that a trial changes, on average."""

Certainty = Callable[[NDArray[np.float32]], float]
"""Of samples, how much a network takes them for what is wanted; more is better."""


def can_be_played(labels: list[str], sample_rate: int) -> bool:
    """Whether labels are styles of the synthesizer, at the rate that it plays at (Hz)."""
    return set(labels) <= {style.genre for style in STYLES} and sample_rate == SAMPLE_RATE


def climb(
    number: int, start: Traits, certainty: Certainty, trials: int, draw: np.random.Generator
) -> tuple[Traits, NDArray[np.float32]]:
    """The traits that `certainty` is highest for among so many, and how they sound, float32 (n_samples,).

    Parameters
    ----------
    number
        Of the song, which decides the notes where traits leave them open.
    start
        The first of them; instruments, kit, brightness and attack stay.
    """
    best, sound = start, play(number, start)
    highest = certainty(sound)
    for _ in range(trials - 1):
        trial = change(best, draw)
        heard = play(number, trial)
        if (found := certainty(heard)) > highest:
            best, sound, highest = trial, heard, found
    return best, sound


def play(number: int, traits: Traits) -> NDArray[np.float32]:
    """Samples in -1 .. 1, float32 (n_samples,)."""
    return render(number, traits).astype(np.float32) / np.float32(32768)


def change(traits: Traits, draw: np.random.Generator) -> Traits:
    """At least one trait drawn anew: of harmony, rhythm, how dense, how loud the drums."""
    makes: dict[str, Callable[[], Any]] = {
        "tempo": lambda: round(float(np.exp(draw.uniform(np.log(LOWEST_TEMPO), np.log(HIGHEST_TEMPO)))), 1),
        "tonic": lambda: TONICS[int(draw.integers(len(TONICS)))],
        "mode": lambda: tuple(VALENCE)[int(draw.integers(len(VALENCE)))],
        "groove": lambda: tuple(GROOVES)[int(draw.integers(len(GROOVES)))],
        "chord_size": lambda: int(draw.integers(3, 5)),
        "chord_bars": lambda: (0.5, 1.0, 2.0)[int(draw.integers(3))],
        **{name: lambda: round(float(draw.uniform(0, 1)), 3) for name in ("swing", "drums", "density")},
    }
    chosen = draw.random(len(makes)) < _CHANGES / len(makes)
    chosen[int(draw.integers(len(makes)))] = True
    drawn = {name: make() for (name, make), yes in zip(makes.items(), chosen, strict=True) if yes}
    return replace(traits, **drawn)
