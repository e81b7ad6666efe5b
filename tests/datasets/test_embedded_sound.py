"""Listening by measuring: key, tempo, level of songs as the catalogue renders them."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import librosa
import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from earshot.datasets.embedded.catalogue import MadeSong, catalogue_songs
from earshot.datasets.embedded.composition import SCALES, compose
from earshot.datasets.embedded.instruments import SAMPLE_RATE, Playing, tone
from earshot.datasets.embedded.synthesis import N_SAMPLES, TARGET_LUFS, loudness, render, start_sample

HANDFUL = catalogue_songs(60)[::6]


@cache
def sound(number: int) -> np.ndarray:
    """The song as floats in -1 .. 1."""
    song = catalogue_songs(60)[number]
    return render(song.number, song.traits) / 32768


def true_peak_dbfs(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.abs(resample_poly(samples, 4, 1)).max()))


@pytest.mark.parametrize("song", HANDFUL, ids=lambda song: song.song_id)
def test_true_peak_and_loudness_before_and_after_compression(song: MadeSong) -> None:
    samples = sound(song.number)
    encoded = io.BytesIO()
    soundfile.write(encoded, samples, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    encoded.seek(0)
    decoded, _ = soundfile.read(encoded)
    assert len(samples) == len(decoded) == N_SAMPLES
    assert true_peak_dbfs(samples) <= -1
    assert true_peak_dbfs(decoded) <= -1
    assert loudness(samples) == pytest.approx(TARGET_LUFS, abs=0.7)


def test_a_full_scale_sine_of_997_hertz_has_the_loudness_of_the_standard() -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(N_SAMPLES) / SAMPLE_RATE)
    assert loudness(sine) == pytest.approx(-3.01, abs=0.05)


def test_every_written_note_belongs_to_the_key() -> None:
    for song in catalogue_songs(60):
        score = compose(song.number, song.traits)
        scale = {(song.traits.tonic + step) % 12 for step in SCALES[song.traits.mode]}
        assert {note.pitch % 12 for note in score.chords + score.bass + score.melody} <= scale


def test_the_key_that_is_heard_above_the_bass_is_the_written_one() -> None:
    loudest_in_key, same_signature = [], []
    for song in HANDFUL:
        chroma = librosa.feature.chroma_cqt(
            y=sound(song.number), sr=SAMPLE_RATE, tuning=0.0, fmin=librosa.note_to_hz("C3"), n_octaves=5
        ).mean(axis=1)
        scale = {(song.traits.tonic + step) % 12 for step in SCALES[song.traits.mode]}
        signatures = [{(tonic + step) % 12 for step in SCALES["major"]} for tonic in range(12)]
        loudest_in_key.append(np.mean([pitch in scale for pitch in np.argsort(-chroma)[:6]]))
        same_signature.append(max(signatures, key=lambda pitches: chroma[list(pitches)].sum()) == scale)
    assert np.mean(loudest_in_key) > 0.9
    assert np.mean(same_signature) >= 0.7


def test_the_beat_that_is_heard_is_the_tempo_or_a_simple_ratio_of_it() -> None:
    ratios = np.log2([1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2])
    heard = [
        np.log2(librosa.feature.tempo(y=sound(song.number), sr=SAMPLE_RATE)[0] / song.traits.tempo)
        for song in HANDFUL
    ]
    right = [np.abs(ratios - tempo).min() < 0.05 for tempo in heard]
    assert np.mean(right) >= 0.9


def test_a_tone_sounds_at_its_pitch() -> None:
    samples = tone(Playing("organ", 0.5, 0.01), 69, SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(samples[:SAMPLE_RATE]))
    assert np.argmax(spectrum[:500]) == pytest.approx(440, abs=1)


def test_full_swing_puts_the_second_eighth_at_two_thirds_of_the_beat() -> None:
    traits = replace(HANDFUL[0].traits, tempo=60.0, swing=1.0)
    assert [start_sample(beat, traits) / SAMPLE_RATE for beat in (0, 0.5, 1, 1.5)] == pytest.approx(
        [0, 2 / 3, 1, 5 / 3], abs=1e-4
    )
