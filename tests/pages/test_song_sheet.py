"""What the sheet of a song shows lies where its axes say, and the sheet is the same each time."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from earshot.features.compute import features, normalize
from earshot.features.hyper_image import DEFAULTS
from earshot.pages.panels import Panel, constant_q, envelope, log_bank
from earshot.pages.song_sheet import (
    Heading,
    shown_part,
    silent_frames,
    song_panels,
    song_sheet,
    song_sheet_png,
)
from tests.audio.signals import SAMPLE_RATE, music, nasty


def tone(frequency: float) -> np.ndarray:
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def clicks(bpm: float) -> np.ndarray:
    samples = np.zeros(12 * SAMPLE_RATE, np.float32)
    samples[:: round(60 / bpm * SAMPLE_RATE)] = 1
    return samples


def panels(samples: np.ndarray, settings=DEFAULTS) -> list[Panel]:
    image = features([samples], settings, normalize).T
    return song_panels(samples, image, settings)


def brightest(panel: Panel) -> float:
    """Height of the middle of the row that is brightest halfway through."""
    return int(panel.values[:, panel.values.shape[1] // 2].argmax()) + 0.5


def test_a_tone_of_440_hz_is_an_a_at_440_hz():
    linear, logarithmic, notes, chroma, _, mel, *_ = panels(tone(440))
    two, four = linear.ticks["2k"], linear.ticks["4k"]
    assert brightest(linear) == pytest.approx(two + (440 - 2000) / 2000 * (four - two), abs=0.6)
    low, high = logarithmic.ticks["256"], logarithmic.ticks["1k"]
    place = low + np.log2(440 / 256) / np.log2(1000 / 256) * (high - low)
    assert brightest(logarithmic) == pytest.approx(place, abs=1)
    assert brightest(notes) == notes.ticks["C4"] + 9 / 12 * (notes.ticks["C5"] - notes.ticks["C4"])
    assert brightest(chroma) == chroma.ticks["A"]
    assert brightest(mel) == pytest.approx(mel.ticks["500"] * 440 / 500, abs=1)


@pytest.mark.parametrize("frequency", [64, 256, 1000, 4000])
def test_tones_lie_at_their_ticks(frequency: int):
    linear, logarithmic, _, _, _, mel, *_ = panels(tone(frequency))
    label = f"{frequency}" if frequency < 1000 else f"{frequency // 1000}k"
    bin_height = 24 * np.log2(1 + SAMPLE_RATE / 1024 / frequency)  # of an FFT bin, which is blurred below
    for panel, reach in ((linear, 0.6), (logarithmic, 1 + bin_height), (mel, 1)):
        if label in panel.ticks:
            assert brightest(panel) == pytest.approx(panel.ticks[label], abs=reach), panel.unit


@pytest.mark.parametrize(("bpm", "label"), [(120, "120"), (100, "100"), (70, "140")])
def test_a_tempo_lies_at_its_tick_whatever_its_octave(bpm: int, label: str):
    tempogram = panels(clicks(bpm))[4]
    assert brightest(tempogram) == pytest.approx(tempogram.ticks[label], abs=0.6)


@pytest.mark.parametrize("settings", [DEFAULTS, replace(DEFAULTS, sample_rate=44100, n_fft=2048, n_mfcc=2)])
def test_every_tick_is_on_its_panel_and_apart_from_the_next(settings):
    for panel in panels(music(), settings):
        heights = np.array(list(panel.ticks.values()))
        assert 0 < heights[0] <= heights[-1] < len(panel.values)
        assert (np.diff(heights) >= 0.05 * len(panel.values)).all(), panel.name


def test_the_logarithmic_axis_keeps_a_flat_spectrum_flat():
    np.testing.assert_allclose(np.ones(513) @ log_bank(SAMPLE_RATE, 1024), 1, rtol=1e-5)


def test_an_envelope_by_hand():
    samples = np.array([1, -2, 3, 0, 5, -6], np.float32)
    assert envelope(samples, 3).tolist() == [[-2, 0, -6], [1, 3, 5]]
    assert envelope(samples, 100).tolist() == [samples.tolist()] * 2


def test_the_shortest_song_has_a_constant_q_of_as_many_frames():
    assert constant_q(nasty()["shortest"], SAMPLE_RATE, 512).shape[1] == 9


def test_same_song_same_bytes_and_of_a_long_one_the_middle(tmp_path: Path):
    settings = replace(DEFAULTS, excerpt_seconds=2.0)
    samples = np.round(music(6) * 2**15).astype(np.int16)
    soundfile.write(tmp_path / "song.wav", samples, SAMPLE_RATE)
    middle = samples[2 * SAMPLE_RATE : 4 * SAMPLE_RATE].astype(np.float32) / 2**15
    sheet = song_sheet(tmp_path / "song.wav", settings)
    assert sheet == song_sheet_png(middle, settings, start=2.0)
    assert Image.open(BytesIO(sheet)).size == (1080, 2206)
    assert len(sheet) < 600_000
    headed = song_sheet(tmp_path / "song.wav", settings, Heading("$a_b$", "", "x" * 200))
    lines = ("$a_b$", f"middle 2 s of 0:06  ·  {'x' * 99}…")
    assert headed == song_sheet_png(middle, settings, 2.0, lines)
    assert Image.open(BytesIO(headed)).size[1] > 2206


def test_a_sheet_says_which_part_of_the_file_it_shows():
    assert shown_part(26.2, 0.0, DEFAULTS) == "all of 0:26"
    assert shown_part(166.0, 53.0, DEFAULTS) == "middle 60 s of 2:46"
    assert shown_part(3725.0, 72.0, DEFAULTS) == "60 s from 1:12 on, of 1:02:05; its middle is silent"


def test_what_compares_silence_with_itself_is_grey_and_nothing_else_is():
    samples = np.concatenate([music(1), np.full(SAMPLE_RATE, 1 / 2**15, np.float32)])
    silent = silent_frames(samples, 512, 1 + len(samples) // 512)
    assert not silent[: SAMPLE_RATE // 512].any()
    assert silent[SAMPLE_RATE // 512 + 2 :].all()
    picture = np.array(Image.open(BytesIO(song_sheet_png(samples, DEFAULTS))).convert("RGB")).astype(int)
    greys = (abs(picture - 221) <= 8).all(axis=2)[:, 700:1040].mean(axis=1) > 0.9  # of rows of pixels
    inches = greys.sum() / 120
    assert inches == pytest.approx(3 * 1.2 + 3 * 0.22, abs=0.4)  # chroma, contrast, tonnetz; and stacked


@pytest.mark.parametrize("name", ["silence", "shortest", "clipped"])
def test_nasty_signals_can_be_drawn(name: str):
    assert Image.open(BytesIO(song_sheet_png(nasty()[name], DEFAULTS))).format == "PNG"
