"""Learning in stages, what is drawn of a network, and how clips are judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from earshot.encoders.sample_cnn import SampleCnn
from earshot.errors import UserError
from sample_level_cnn.clips import ClipTask
from sample_level_cnn.filters import LENGTH, filter_spectra, pleasing
from sample_level_cnn.gates import gates, gates_by_tag
from sample_level_cnn.learning import StagedEpoch, learn, loss_of, scores_of
from sample_level_cnn.measures import accuracy, describe, instance_f
from sample_level_cnn.params import SampleNetwork, Stages
from sample_level_cnn.twin import LogMel, build_network

STAGES = Stages(batch_size=7, learning_rate=0.05, factor=0.2, stages=3, patience=2, max_epochs=4)


def pitches(one_each: bool = True) -> ClipTask:
    """40 clips of two segments of 81 samples: low or high tones, or both where they need not be one."""
    draw, times = np.random.default_rng(0), np.arange(162) / 22050
    targets = np.eye(2, dtype=np.float32)[np.arange(40) % 2]
    if not one_each:
        targets[::5] = 1
    tones = np.stack([np.sin(2 * np.pi * hertz * times) for hertz in (800, 3000)])
    sounds = targets @ tones * draw.uniform(2000, 9000, (40, 1)) + draw.normal(0, 100, (40, 162))
    rows = np.arange(40)
    return ClipTask(
        ["low", "high"],
        one_each,
        sounds.reshape(40, 2, 81).astype(np.int16),
        targets,
        np.array([f"group {n // 4}" for n in rows], dtype=object),
        rows[:24],
        rows[24:32],
        rows[32:],
        {},
    )


def network(**options: object) -> SampleCnn:
    torch.manual_seed(0)
    return SampleCnn(0, 2, 3, (4, 4, 4, 8), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("one_each", [True, False])
def test_it_learns_and_ends_with_the_weights_of_its_best_epoch(tmp_path: Path, one_each: bool) -> None:
    task, trained = pitches(one_each), network(block="se", multi=True)
    epochs = learn(trained, task, STAGES, seed=0, kept=tmp_path / "x.pt", judge=lambda _: 0.5)
    scores = scores_of(trained, task, task.test)
    assert ((scores > 0.5) == (task.targets[task.test] > 0)).mean() > 0.9
    best = min(epochs, key=lambda each: each.validation_loss)
    samples = torch.from_numpy(task.samples[task.validation].reshape(-1, 1, 81).astype(np.float32))
    targets = torch.from_numpy(task.targets[task.validation].repeat(2, axis=0))
    with torch.inference_mode():
        loss = float(loss_of(trained(samples), targets, one_each).mean())
    assert loss == pytest.approx(best.validation_loss, rel=1e-4)
    assert epochs[-1].segments == len(epochs) * 48
    assert {each.judged for each in epochs} == {0.5}


def by_the_rules(epochs: list[StagedEpoch], stages: Stages) -> list[int]:
    """The stage of each epoch as the words have it: over after `patience` epochs that are no better."""
    found, stage, waited, in_stage, least = [], 0, 0, 0, np.inf
    for each in epochs:
        found.append(stage)
        in_stage += 1
        waited = 0 if each.validation_loss < least else waited + 1
        least = min(least, each.validation_loss)
        if waited == stages.patience or in_stage == stages.max_epochs:
            stage, waited, in_stage = stage + 1, 0, 0
    assert stage == stages.stages
    return found


def test_a_stage_ends_once_it_helps_no_more(tmp_path: Path) -> None:
    epochs = learn(network(), pitches(), STAGES, seed=0, kept=tmp_path / "x.pt", judge=lambda _: 0.0)
    assert [each.stage for each in epochs] == by_the_rules(epochs, STAGES)


class KilledError(Exception):
    pass


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole, parts, task = network(block="rese_2"), network(block="rese_2"), pitches()
    wanted = learn(whole, task, STAGES, seed=3, kept=tmp_path / "whole.pt", judge=lambda _: 0.0)
    for kill in (2, 3, len(wanted)):
        calls = 0

        def judge(_: nn.Module, kill: int = kill) -> float:
            nonlocal calls
            calls += 1
            if calls == kill:
                raise KilledError
            return 0.0

        try:
            found = learn(parts, task, STAGES, seed=3, kept=tmp_path / "parts.pt", judge=judge)
        except KilledError:
            parts = network(block="rese_2")
            calls = 0
    assert found == wanted
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name
    again = learn(network(block="rese_2"), task, STAGES, seed=3, kept=tmp_path / "parts.pt", judge=judge)
    assert again == wanted


def test_a_loss_that_is_not_finite_is_named(tmp_path: Path) -> None:
    stages = replace(STAGES, learning_rate=1e30)
    with pytest.raises(UserError, match=r"training.learning_rate=1e\+30: the loss is not finite"):
        learn(network(), pitches(), stages, seed=0, kept=tmp_path / "x.pt", judge=lambda _: 0.0)


def test_mel_frames_are_those_of_plain_sums() -> None:
    from earshot.features.mel import mel_bank

    sound = np.random.default_rng(0).integers(-9000, 9000, 3000).astype(np.float32)
    found = LogMel(22050)(torch.from_numpy(sound)[None, None])[0].numpy()
    padded = np.pad(sound.astype(np.float64) / 32767, 512)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    wanted = [np.abs(np.fft.rfft(padded[at : at + 1024] * hann)) for at in range(0, 3001, 512)]
    bands = np.array(wanted) @ mel_bank(22050, 1024, 128)
    np.testing.assert_allclose(found.T, (np.log10(1 + 10 * bands) - 0.2262) / 0.2579, atol=1e-4)
    twin = build_network(SampleNetwork({"channels": [8] * 5}, 1.0, mel=True), 3, 22050, 59049, seed=0).eval()
    assert twin(torch.zeros(2, 1, 59049)).shape == (2, 3)
    with pytest.raises(ValueError, match="windows of 44 frames: wanted 81 frames"):
        build_network(SampleNetwork({"channels": [8] * 5}, 1.0, mel=True), 3, 22050, 22050, seed=0)


def test_a_filter_is_pleased_by_its_own_pitch() -> None:
    plain = network().eval()
    waves = [np.sin(2 * np.pi * share * np.arange(3)) for share in (0.02, 0.15, 0.3, 0.45)]
    plain.stem[0].weight.data = torch.tensor(np.array(waves)[:, None], dtype=torch.float32)
    sounds = pleasing(plain, 0, seed=0)
    assert sounds.shape == (4, LENGTH)
    start = pleasing.__globals__["_START"]
    means = plain.activations(torch.from_numpy(sounds))[0].mean(dim=2).diagonal()
    noise = torch.from_numpy(np.random.default_rng([0, 0]).uniform(-start, start, (4, LENGTH))).float()
    assert (means > 5 * plain.activations(noise)[0].mean(dim=2).diagonal()).all()
    torch.manual_seed(0)
    deep = SampleCnn(0, 2, 27, (4,) * 8)  # 729 samples reach four of its eight layers
    assert len(filter_spectra(deep, seed=0)) == 4
    spectra = filter_spectra(plain, seed=0)
    assert [len(each) for each in spectra] == [4, 4, 4, 8]
    for layer in spectra:
        assert layer.shape[1] == LENGTH // 2 + 1
        assert (np.diff(layer.argmax(axis=1)) >= 0).all()


def test_gates_by_tag_are_means_over_segments() -> None:
    task, excited = pitches(one_each=False), network(block="se").eval()
    found = gates_by_tag(excited, task, task.test)
    assert [each.shape for each in found.by_tag] == [(2, 4), (2, 4), (2, 8)]
    sounds = torch.from_numpy(task.samples[task.test].reshape(16, 81) / np.float32(32767))
    second = gates(excited, sounds)[1].numpy()
    with torch.inference_mode():
        pooled = excited.blocks[1].pool(
            torch.relu(excited.blocks[1].convolutions(excited.activations(sounds)[1]))
        )
        np.testing.assert_allclose(second, excited.blocks[1].excitation.gates(pooled.mean(dim=2)), rtol=1e-5)
    low = task.targets[task.test].repeat(2, axis=0)[:, 0] > 0
    np.testing.assert_allclose(found.by_tag[1][0], second[low].mean(axis=0), rtol=1e-5)
    loudness = 20 * np.log10(sounds.square().mean(dim=1).sqrt().numpy() + 1e-5)
    np.testing.assert_allclose(found.slopes[1], np.polyfit(loudness, second, 1)[0], rtol=1e-3, atol=1e-7)
    with pytest.raises(ValueError, match="wanted a network with squeeze-and-excitation"):
        gates(network(), sounds)


def test_accuracy_and_f_of_clips_by_hand() -> None:
    targets = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]])
    scores = np.array([[0.6, 0.3, 0.1], [0.5, 0.3, 0.2], [0.0, 0.1, 0.9], [0.2, 0.4, 0.4]])
    assert accuracy(scores, targets).value() == 2 / 4
    # above 1/4: 2 said and 1 of them true, 2 and 1, 1 and 1, 2 and 0; TP 3, FP 4, FN 1
    assert instance_f(scores, targets, 0.25).value() == 6 / (6 + 4 + 1)
    assert instance_f(scores, targets * 0, 0.95).value() == 0


def test_intervals_draw_whole_groups() -> None:
    right = accuracy(np.eye(2)[[0, 0, 0, 1, 1, 1]], np.eye(2)[[0, 0, 0, 0, 0, 0]])
    groups = np.array(["a", "a", "a", "b", "b", "b"], dtype=object)
    found = describe({"x": right, "y": right}, groups, 200, seed=0)
    assert found["x"]["value"] == 0.5
    assert found["x"]["ci95"] == [0.0, 1.0]  # group a twice, or b twice
    assert found["y"]["minus"] == {"x": {"value": 0.0, "ci95": [0.0, 0.0]}}
    assert describe({"x": right}, groups[:1].repeat(6), 200, seed=0)["x"]["ci95"] == [None, None]
