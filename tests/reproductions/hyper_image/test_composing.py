"""Composing: ascent against slow versions and finite differences, inversion of a known tone, all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import get_window
from torch import Tensor, nn

from earshot.datasets.embedded.traits import STYLES, Traits, draw_artist, draw_song
from earshot.errors import UserError
from earshot.features.hyper_image import DEFAULTS, format_of
from earshot.features.mel import mel_bank
from earshot.params import read_params
from earshot.predictors.song_encoder import SongEncoder
from hyper_image import composing_page
from hyper_image.ascent import FreeLevels, Heights, RealFrames, ascend
from hyper_image.disturbed import Disturbed
from hyper_image.judged import claims_of, describe, judge
from hyper_image.judges import fit_judges
from hyper_image.params import Ascent, HyperImageParams, Stretches
from hyper_image.pieces import INVERTED, OF_OTHERS, RANDOM, STRETCHES, kept, ways_of
from hyper_image.played import can_be_played, change, climb, play
from hyper_image.sound import (
    _overlapped,
    _spectrum,
    heard_again,
    linear_power,
    refuse_other_settings,
    samples_of,
)
from hyper_image.studio import Excerpts, Studio

SHIPPED = Path(__file__).parents[3] / "reproductions" / "hyper_image" / "params.yaml"
FORMAT = format_of(DEFAULTS)
MEL = FORMAT.row_slice(["mel"])
PLAIN = Ascent(steps=40, jitter=False, noise=0.0, smoothness=0.0, in_range=0.0)
STEADY = replace(PLAIN, jitter=True, noise=0.3, smoothness=0.05, in_range=0.5)


def _heights(settings: Ascent, n: int = 3) -> Heights:
    """Of windows of 4 frames and 5 rows, by a small network in double precision."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(20, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    for weight in network.parameters():
        weight.data.mul_(0.1)
        weight.requires_grad_(False)
    mean, scale = torch.full((5,), 120.0).double(), torch.linspace(20, 40, 5).double()
    return Heights(network, torch.arange(n) % 3, 4, mean, scale, settings)


def test_the_gradient_is_that_of_finite_differences() -> None:
    heights = _heights(STEADY)
    free = 255 * torch.rand(3, 9, 5, dtype=torch.float64)

    def of(images: Tensor) -> Tensor:
        return heights.of(images, torch.Generator().manual_seed(1))  # the same noise each time

    assert torch.autograd.gradcheck(of, (free.requires_grad_(),), eps=1e-4, atol=1e-6)
    stretches = 255 * torch.rand(7, 3, 5, dtype=torch.float64)
    made = RealFrames(stretches, torch.randn(3, 3, 7, dtype=torch.float64), 9)

    def of_weights(weights: Tensor) -> Tensor:
        return of(torch.func.functional_call(made, {"weights": weights}, (0.5,)))

    start = made.weights.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(of_weights, (start,), eps=1e-6, atol=1e-6)


def test_heights_and_mixtures_are_their_sums() -> None:
    heights = _heights(replace(STEADY, jitter=False, noise=0.0))
    rng = np.random.default_rng(0)
    stretches, weights = rng.uniform(0, 255, (4, 3, 5)), rng.normal(size=(3, 3, 4))
    made = RealFrames(torch.from_numpy(stretches), torch.from_numpy(weights), 8)
    slow = np.zeros((3, 9, 5))
    for image, place, stretch in np.ndindex(3, 3, 4):
        share = np.exp(weights[image, place, stretch] / 0.5) / np.exp(weights[image, place] / 0.5).sum()
        slow[image, 3 * place : 3 * place + 3] += share * stretches[stretch]
    images = made(0.5)
    assert_allclose(images.detach(), slow[:, :8], atol=1e-9)
    found = heights.of(images, torch.Generator()).detach()
    for number, image in enumerate(slow[:, :8]):
        told = 0.0
        for window in (image[:4], image[4:]):
            logits = heights.network(torch.from_numpy(window)[None])[0].numpy()
            told += (logits[number] - np.log(np.exp(logits).sum())) / 2
        steps = np.mean([abs(image[t + 1] - image[t]) for t in range(7)])
        steps += np.mean([abs(image[:, row + 1] - image[:, row]) for row in range(4)])
        far = np.maximum(((image - heights.mean.numpy()) / heights.scale.numpy()) ** 2 - 4, 0).mean()
        assert float(found[number]) == pytest.approx(told - 0.05 * steps - 0.5 * far, abs=1e-9)


def test_ascent_climbs_and_ends_in_real_frames() -> None:
    heights, draw = _heights(PLAIN), torch.Generator()
    start = torch.full((3, 9, 5), 120.0).double()
    images = ascend(FreeLevels(start), heights, seed=0)
    assert (heights.of(images, draw) > heights.of(start, draw)).all()
    stretches = 255 * torch.rand(6, 3, 5, dtype=torch.float64)
    made = ascend(RealFrames(stretches, torch.zeros(3, 3, 6).double(), 9), heights, seed=0)
    nearest = (made.reshape(3, 3, 1, 3, 5) - stretches).abs().amax((3, 4)).amin(2)  # (n, n_places)
    assert nearest.max() == 0
    again = ascend(FreeLevels(start), heights, seed=0)
    assert_array_equal(again, images)


def test_a_tone_comes_back_from_its_mel_rows() -> None:
    """440 Hz and, from the middle on, 3 kHz: the same pitches at the same places."""
    seconds = np.arange(22050) / 22050
    tones = [np.sin(2 * np.pi * hertz * seconds) for hertz in (440, 3000)]
    samples = np.concatenate([0.5 * tones[0], 0.5 * tones[1]]).astype(np.float32)
    image = heard_again(samples, DEFAULTS)
    sound = samples_of(image[:, MEL], FORMAT, DEFAULTS.n_fft, 60, seed=0)
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-6)
    for part, hertz in ((sound[2000:20000], 440), (sound[24000:42000], 3000)):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert spectrum.argmax() * 22050 / len(part) == pytest.approx(hertz, abs=12)  # a band is 43 Hz wide
    back = heard_again(sound, DEFAULTS)[: len(image), MEL].astype(float)
    loud = image[: len(back), MEL] > 150
    apart = (back - image[: len(back), MEL])[loud]
    assert np.abs(apart - np.median(apart)).mean() < 8  # levels of 0.39 dB


def test_a_sound_is_its_frames_laid_over_each_other() -> None:
    samples = np.pad(np.random.default_rng(0).normal(size=512 * 10), 512)
    window = get_window("hann", 1024)
    slow = np.array([np.fft.rfft(samples[512 * t :][:1024] * window) for t in range(11)])
    assert_allclose(_spectrum(samples, 11, 512), slow, atol=1e-9)
    assert_allclose(_overlapped(slow, 512)[512:-512], samples[512:-512], atol=1e-9)


def test_powers_keep_their_mel_bands() -> None:
    bank = mel_bank(22050, 1024, 128).astype(np.float64)
    power = np.random.default_rng(1).gamma(0.3, size=(4, 513))
    mel = power @ bank
    few, many = (linear_power(mel, bank, iterations) for iterations in (1, 60))
    assert many.min() >= 0
    worst = [np.abs(np.log((found @ bank) / mel)).max() for found in (few, many)]
    assert worst[1] < 0.2 < worst[0]  # nepers; 0.7 is 3 dB


def test_a_disturbed_network_hears_other_windows_in_training_alone() -> None:
    torch.manual_seed(0)
    network = Disturbed(6, 2, 20, "IC(1,3,2)F(4)O", noise=0.0, stretch=0.2)
    windows = torch.arange(20.0).expand(3, 6, 20)
    heard = network._disturb(windows)
    assert heard.shape == windows.shape
    steps = heard[:, 0].diff() % 20  # frames follow each other, some twice or left out; they begin anywhere
    assert set(steps.flatten().tolist()) <= {0.0, 1.0, 2.0}
    assert not torch.equal(network(windows), network(windows))
    network.eval()
    assert_array_equal(network(windows).detach(), network(windows).detach())


def test_what_is_played_changes_and_its_timbre_does_not() -> None:
    start, draw = draw_song(draw_artist(3), 3), np.random.default_rng(0)
    timbre = ("chord_instrument", "lead_instrument", "kit", "brightness", "softness")
    changed = [change(start, draw) for _ in range(60)]
    for traits in changed:
        assert all(getattr(traits, name) == getattr(start, name) for name in timbre)
        assert traits != start or traits.tonic == start.tonic  # one of few values may be drawn again
    assert {name for name in vars(start) if len({vars(each)[name] for each in changed}) > 1} == (
        set(vars(start)) - set(timbre)
    )
    heard: list[float] = []

    def certainty(samples: np.ndarray) -> float:
        heard.append(float(np.square(samples).mean()))
        return heard[-1]

    traits, sound = climb(3, start, certainty, 4, np.random.default_rng(1))
    assert len(heard) == 4
    assert float(np.square(sound).mean()) == max(heard)
    assert_array_equal(play(3, traits), sound)
    assert isinstance(traits, Traits)
    assert can_be_played([STYLES[0].genre, STYLES[1].genre], 22050)
    assert not can_be_played(["polka", STYLES[1].genre], 22050)


class Bright(nn.Module):
    """Tells low sounds, 0, from high ones, 1, by the mel rows below and above 2 kHz."""

    def forward(self, windows: Tensor) -> Tensor:
        low, high = windows[:, MEL[:64]].mean((1, 2)), windows[:, MEL[64:]].mean((1, 2))
        return torch.stack([low - high, high - low], dim=1) / 20


N_FRAMES = 22


def _excerpts(seed: int, n: int) -> Excerpts:
    rng = np.random.default_rng(seed)
    seconds, labels = np.arange(512 * (N_FRAMES - 1)) / 22050, np.arange(n) % 2
    images = []
    for label in labels:
        hertz = rng.uniform(200, 600) if label == 0 else rng.uniform(3000, 8000)
        tone = np.sin(2 * np.pi * hertz * seconds) + 0.05 * rng.normal(size=len(seconds))
        images.append(heard_again((0.3 * tone).astype(np.float32), DEFAULTS))
    return Excerpts(np.stack(images), labels.astype(np.int64))


class _Stored:
    """Of the store of a catalogue what composing asks for."""

    format, frames_per_second = FORMAT, FORMAT.frames_per_second
    row_slice = staticmethod(FORMAT.row_slice)


@pytest.fixture(scope="module")
def studio() -> Studio:
    params = read_params(SHIPPED, HyperImageParams)
    composing = replace(
        params.composing,
        pieces=2,
        ascent=replace(params.composing.ascent, steps=15),
        stretches=Stretches(12, 0.12),
        phase_iterations=10,
        words=8,
    )
    judged, material, held_out = (_excerpts(seed, 8) for seed in range(3))
    rows = FORMAT.row_slice(["mfcc", "mfcc_delta", "mfcc_delta2"])
    judges = fit_judges(judged.images, judged.labels, rows, composing.words, 0)
    encoder = SongEncoder(Bright(), range(len(FORMAT.rows)), N_FRAMES, 2)
    catalogue: Any = type("Catalogue", (), {"store": _Stored()})
    return Studio(
        catalogue, DEFAULTS, ["low", "high"], [0, 1], {}, encoder, material, held_out, judges,
        replace(params, composing=composing),
    )  # fmt: skip


def test_stretches_sound_as_is_wanted_and_random_ones_do_not(studio: Studio, tmp_path: Path) -> None:
    ways = ways_of(studio, tmp_path, tmp_path)
    tables, shown = [], []
    for way in (INVERTED, RANDOM, STRETCHES, OF_OTHERS):
        made = kept(tmp_path / f"{way}.npz", ways[way])
        table, _ = judge(studio, way, made)
        tables.append(table)
        shown.append(composing_page.ShownPiece(way, "low", True, b"mp3", b""))
    again = kept(tmp_path / f"{STRETCHES}.npz", lambda: pytest.fail("made again"))
    assert again.samples.shape == (4, 512 * (N_FRAMES - 1))
    found = describe(pd.concat(tables))
    assert found[INVERTED]["both"] == 1
    assert found[STRETCHES]["both"] >= 0.75
    assert found[STRETCHES]["own"] > 0.9
    assert found[OF_OTHERS]["own"] == 0
    assert found[OF_OTHERS]["both"] < 0.5
    assert found[RANDOM]["own"] == pytest.approx(0.5, abs=0.3)
    claims = claims_of(found, "pitch")
    assert [claim.verdict for claim in claims[1:2]] == ["cannot be told"]  # of 4 pieces
    assert "not styles" in claims[3].here
    metrics = {"labels": ["low", "high"], "left_out": {"mid": "why"}, "chance": 0.5, "ways": found}
    found["free_levels"] = found[RANDOM]
    page = composing_page.draw_page(metrics, claims, shown, "pitch")
    assert "No piece is composed for mid: why." in page
    assert page.count("<audio preload") == 3  # without the random ones


def test_shares_have_exact_intervals() -> None:
    row = {"way": "w", "own": np.nan, "image": True, "network": True, "words": True, "statistics": False}
    table = pd.DataFrame([{**row, "both": n < 3, "all": n < 3} for n in range(4)])
    found = describe(table)["w"]
    assert (found["both"], found["own"], found["statistics"]) == (0.75, None, 0.0)
    assert found["both_ci95"] == [0.19412, 0.993691]  # Clopper and Pearson, 3 of 4


def test_images_of_another_definition_are_refused() -> None:
    refuse_other_settings(DEFAULTS, FORMAT)
    with pytest.raises(UserError, match="feature key"):
        refuse_other_settings(replace(DEFAULTS, n_fft=2048), FORMAT)
