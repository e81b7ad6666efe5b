"""From a score to sound: drum kits, tones, equal loudness and a soft ceiling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.embedded.composition import SECONDS, Hit, Note, compose
from earshot.datasets.embedded.instruments import SAMPLE_RATE, Playing, Samples, fall, on_grid, tone
from earshot.datasets.embedded.randomness import generator
from earshot.datasets.embedded.traits import Traits

TARGET_LUFS = -18.0
CEILING = 0.75
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1, -1.99004745483398, 0.99007225036621))
"""Numerators and denominators of the K filters at 48 kHz."""


def loudness(samples: Samples) -> float:
    """Loudness of the whole, in LUFS (ITU-R BS.1770-4, without gating), mono as one channel."""
    power = np.abs(np.fft.rfft(samples)) ** 2 * _k_weighting(len(samples))
    # mean square by Parseval; twice, since rfft has half of the bins
    return float(-0.691 + 10 * np.log10(2 * power.sum() / len(samples) ** 2))


def level(samples: Samples) -> Samples:
    """`samples` at `TARGET_LUFS`, peaks bent to stay below `CEILING`.

    The gain is rounded to 0.01 dB, and so the same on every machine. In units of
    the ceiling, x becomes x - 4/27 x^3 up to 1.5, where it lies flat.
    """
    gain = 10 ** (round(TARGET_LUFS - loudness(samples), 2) / 20)
    bent = np.clip(samples * (round(gain, 6) / CEILING), -1.5, 1.5)
    return CEILING * (bent - bent * bent * bent * (4 / 27))


@lru_cache(maxsize=4)
def _k_weighting(n_samples: int) -> NDArray[np.float64]:
    """Squared response of the two K filters at the frequencies of `rfft`."""
    from scipy.signal import freqz

    hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    # the coefficients are for 48 kHz, so they are evaluated there, at our frequencies in Hz
    responses = [freqz(b, a, worN=hertz, fs=48000)[1] for b, a in (_SHELF, _HIGH_PASS)]
    return np.asarray(np.abs(responses[0] * responses[1]) ** 2)


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
    # phase: the pitch falls to kick_hertz from 107 Hz above it, by 1 / e in 30 ms
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
    eighth = 0.5 + traits.swing / 6  # 1/2 to 2/3 of the beat
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
