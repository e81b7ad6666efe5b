"""From a score to sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.embedded.composition import SECONDS, Hit, Note, compose
from earshot.datasets.embedded.drums import stroke
from earshot.datasets.embedded.instruments import SAMPLE_RATE, Playing, Samples, tone
from earshot.datasets.embedded.loudness import level
from earshot.datasets.embedded.traits import Traits

N_SAMPLES = SECONDS * SAMPLE_RATE
_FADE_SECONDS = 0.25
_ROOM = ((0.023, 0.22), (0.037, 0.18), (0.053, 0.15), (0.071, 0.12), (0.097, 0.1), (0.131, 0.08))
"""Echoes of the room: seconds late, how loud."""
_DRUM_GAIN = {"kick": 1.0, "snare": 0.8, "hat": 0.6}


def render(number: int, traits: Traits) -> NDArray[np.int16]:
    """The song of this number as 16-bit mono samples, shape (220500,)."""
    score = compose(number, traits)
    attack = round(0.004 * 60**traits.softness, 4)
    chords = Playing(traits.chord_instrument, traits.brightness, attack)
    lead = Playing(traits.lead_instrument, traits.brightness, attack / 2)
    bass = Playing("bass", round(traits.brightness / 2, 4), 0.005)
    dry = 0.65 / np.sqrt(traits.chord_size) * _play(score.chords, chords, traits)
    dry += 0.5 * _play(score.melody, lead, traits)
    wet = _room(dry)
    wet += 0.45 * _play(score.bass, bass, traits)
    wet += (0.06 + 0.7 * traits.drums) * _beat(score.drums, traits)
    return np.rint(level(_fade(wet)) * 32767).astype(np.int16)


def start_sample(beat: float, traits: Traits) -> int:
    """Where `beat` lies; with full swing the second eighth comes at two thirds of its beat."""
    whole, part = divmod(beat, 1)
    eighth = 0.5 + traits.swing / 6
    swung = part * eighth * 2 if part < 0.5 else eighth + (part - 0.5) * (1 - eighth) * 2
    return round((whole + swung) * 60 / traits.tempo * SAMPLE_RATE)


def _play(notes: list[Note], playing: Playing, traits: Traits) -> Samples:
    samples = np.zeros(N_SAMPLES)
    for note in notes:
        length = round(note.beats * 60 / traits.tempo * SAMPLE_RATE)
        _add(samples, start_sample(note.beat, traits), tone(playing, note.pitch, length), note.velocity)
    return samples


def _beat(hits: list[Hit], traits: Traits) -> Samples:
    samples = np.zeros(N_SAMPLES)
    for hit in hits:
        gain = _DRUM_GAIN[hit.drum] * hit.velocity
        _add(samples, start_sample(hit.beat, traits), stroke(hit.drum, traits.kit), gain)
    return samples


def _add(samples: Samples, start: int, sound: Samples, gain: float) -> None:
    """Add `sound` from sample `start` on, what goes beyond the end left out."""
    if start < len(samples):
        fitting = sound[: len(samples) - start]
        samples[start : start + len(fitting)] += gain * fitting


def _room(dry: Samples) -> Samples:
    wet = dry.copy()
    for seconds, gain in _ROOM:
        late = int(seconds * SAMPLE_RATE)
        wet[late:] += gain * dry[:-late]
    return wet


def _fade(samples: Samples) -> Samples:
    length = int(_FADE_SECONDS * SAMPLE_RATE)
    samples[-length:] *= np.arange(length, 0, -1) / length
    return samples
