"""The cyclic tempogram is the paper's, and finds the tempo of clicks whatever their octave."""

from __future__ import annotations

import numpy as np
import pytest

from earshot.features.mel import mel_parts, mel_power
from earshot.features.spectrum import power_spectra
from earshot.features.tempogram import N_CLASSES, cyclic_tempogram, onset_rises, tempo
from tests.audio.signals import SAMPLE_RATE, music, nasty

FRAMES_PER_SECOND = SAMPLE_RATE / 512


def mel(samples: np.ndarray) -> np.ndarray:
    (power,) = power_spectra([samples], 1024, 512, block_frames=10**6)
    return mel_power(power, mel_parts(SAMPLE_RATE, 1024, 128))


def tempogram(mel: np.ndarray) -> np.ndarray:
    return cyclic_tempogram(onset_rises(mel, before=None), FRAMES_PER_SECOND)


def oracle(mel: np.ndarray, frames_per_second: float) -> np.ndarray:
    """Grosche, Mueller, Kurth 2010, one number at a time in plain numpy."""
    compressed = np.log(1 + 1000 * mel.astype(np.float64))
    n = len(mel)
    rises = [0.0] + [np.maximum(compressed[t] - compressed[t - 1], 0).mean() for t in range(1, n)]
    near = round(frames_per_second / 2)
    novelty = [max(0.0, rises[t] - np.mean(rises[max(0, t - near) : t + near + 1])) for t in range(n)]
    half = round(3 * frames_per_second)

    def repeats(t: int, lag: int) -> float:
        passage = [novelty[i] if 0 <= i < n else 0.0 for i in range(t - half, t + half + 1)]
        products = [a * b for a, b in zip(passage, passage[lag:], strict=False)]
        return float(np.sum(products)) / (2 * half + 1 - lag)

    def strength(t: int, beats: float) -> float:
        lag = 60 * frames_per_second / beats
        low, share = int(lag), lag - int(lag)
        return (1 - share) * repeats(t, low) + share * repeats(t, low + 1)

    result = np.zeros((n, N_CLASSES))
    for t in range(n):
        for m in range(N_CLASSES):
            octaves = [strength(t, 40 * 2 ** (k + m / N_CLASSES)) for k in range(3)]
            result[t, m] = np.mean(octaves) / (repeats(t, 0) + 1e-6)
    return result


@pytest.mark.parametrize("name", ["music", "clicks", "DC", "silent, then music", "white noise"])
def test_against_the_paper(name: str) -> None:
    samples = {"music": music(2.0), **nasty()}[name][: 2 * SAMPLE_RATE]
    found = tempogram(mel(samples))
    np.testing.assert_allclose(found, oracle(mel(samples), FRAMES_PER_SECOND), atol=1e-4)


@pytest.mark.parametrize("octave", [0, 1, 2])
@pytest.mark.parametrize("tempo_class", [0, 4, 7, 14])
def test_clicks_an_octave_apart_are_one_tempo_class(tempo_class: int, octave: int) -> None:
    samples = np.zeros(12 * SAMPLE_RATE, np.float32)
    beat = 60 / tempo(tempo_class, octave)
    for click in np.arange(0.1, 11.9, beat):
        samples[round(click * SAMPLE_RATE) :][:200] = 0.5 * np.random.default_rng(0).standard_normal(200)
    middle = tempogram(mel(samples))[250]
    assert np.argmax(middle) == tempo_class
    assert middle[tempo_class] > 3 * np.median(middle)


def test_loudness_is_no_tempo() -> None:
    loud, soft = (tempogram(mel(gain * music(4.0))) for gain in (1.0, 0.5))
    assert np.abs(loud - soft).max() < 0.1
    assert (tempogram(mel(nasty()["silence"])) == 0).all()


def test_a_song_shorter_than_every_beat() -> None:
    assert tempogram(mel(music(0.25))).shape == (11, N_CLASSES)
