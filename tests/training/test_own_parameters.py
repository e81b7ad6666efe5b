"""Objectives with parameters of their own, and with taste spaces of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from earshot.catalogue.play_counts import read_play_counts
from earshot.factors.solves import confidence
from earshot.params import WmfFactors
from earshot.predictors.load import predict
from earshot.predictors.song_encoder import describe
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.space import read_space
from earshot.spaces.wmf import Wmf
from earshot.stages import wmf_factors
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore
from earshot.training.examples import Examples, read_examples
from earshot.training.objectives.fused_factors import FusedFactors
from earshot.training.objectives.two_tower import TwoTower
from earshot.training.train import train
from earshot.versioning import PreviousOutput
from tests.training.heard import cnn_params, write_training_set

ALPHA, EPSILON, LAMBDA = 2.0, 1.0, 5.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A factorized snapshot, `data/training_set` and `data/wmf_factors`."""
    root = tmp_path_factory.mktemp("root")
    write_training_set(root / "data" / "training_set")
    settings = WmfFactors(3, ALPHA, EPSILON, LAMBDA, 6)
    paths = Paths(root, root / "data" / "wmf_factors", root / "work", root, PreviousOutput(root, None))
    for folder in (paths.output, paths.work):
        folder.mkdir()
    wmf_factors.write_factors(paths, settings, seed=0)
    return root


def read(root: Path) -> tuple[HyperImageStore, Examples]:
    store = HyperImageStore.open(root / "data" / "training_set" / "hyper_images")
    return store, read_examples(root / "data" / "training_set", root / "data" / "wmf_factors", store)


def two_tower(examples: Examples) -> TwoTower:
    return TwoTower(examples)


def test_the_loss_of_two_towers_is_eq_3_added_up_pair_by_pair(root: Path) -> None:
    _, examples = read(root)
    objective = two_tower(examples)
    outputs = torch.randn(len(examples.songs), 3, generator=torch.Generator().manual_seed(1))
    losses = objective(outputs, torch.arange(len(examples.songs))).detach().numpy()
    y = (outputs * objective.output_scale + objective.output_mean).numpy().astype(float)
    x = objective.listeners.detach().numpy().astype(float)
    counts = confidence(examples.plays, ALPHA, EPSILON).toarray().astype(float)
    unit = counts[: examples.n_training].sum() / examples.n_training
    for song in (0, 7, len(y) - 1):
        total = LAMBDA * (y[song] @ y[song] + (x**2).sum() / examples.n_training)
        for user in range(len(x)):
            c, p = (counts[song, user], 1.0) if counts[song, user] else (1.0, 0.0)
            total += c * (p - x[user] @ y[song]) ** 2
        assert losses[song] == pytest.approx(total / unit, rel=1e-4)


def trained(root: Path, work: Path, objective: nn.Module, **changed: Any) -> Any:
    store, examples = read(root)
    params = cnn_params(learning_rate=0.02, **changed)
    description = describe(params.encoder, store.format, params.window_seconds, int(objective.n_outputs))  # type: ignore[arg-type]
    work.mkdir(exist_ok=True)
    return train(
        description, objective, store, examples, params, seed=3, work=work, seconds_between_checkpoints=0.0
    )


def test_listeners_are_trained_averaged_and_kept_of_the_best_epoch(root: Path, tmp_path: Path) -> None:
    _, examples = read(root)
    objective = two_tower(examples)
    start = objective.listeners.detach().clone()
    found = trained(root, tmp_path / "work", objective, max_epochs=8, patience=8)
    moved = (objective.listeners.detach() - start).norm() / start.norm()
    assert moved > 0.05
    losses = [epoch.validation_loss for epoch in found.epochs]
    assert min(losses) < losses[0]
    # the best epoch's listeners, not the last's: with them the loss is that of the best epoch
    store, _ = read(root)
    songs = np.arange(examples.n_training, len(examples.songs))
    vectors = torch.from_numpy(predict(found.encoder, store, examples.positions[songs]))
    outputs = (vectors - objective.output_mean) / objective.output_scale
    again = objective(outputs, torch.from_numpy(songs)).mean().item()
    assert again == pytest.approx(losses[found.best_epoch], rel=1e-3)


def test_a_training_that_was_cut_ends_in_the_same_listeners(root: Path, tmp_path: Path) -> None:
    """The interrupted one stops after its second epoch's checkpoint, and goes on from it."""
    _, examples = read(root)
    whole, cut = two_tower(examples), two_tower(examples)
    trained(root, tmp_path / "whole", whole, max_epochs=4)

    class Stopped(Exception):
        pass

    def stop(epoch: Any, meters: Any) -> None:
        if epoch.epoch == 2:
            raise Stopped

    store, _ = read(root)
    params = cnn_params(learning_rate=0.02, max_epochs=4)
    description = describe(params.encoder, store.format, params.window_seconds, 3)
    (tmp_path / "cut").mkdir()
    with pytest.raises(Stopped):
        train(description, cut, store, examples, params, seed=3, work=tmp_path / "cut", on_epoch=stop)
    resumed = two_tower(examples)
    train(description, resumed, store, examples, params, seed=3, work=tmp_path / "cut")
    assert torch.equal(resumed.listeners, whole.listeners)


def test_learned_listeners_are_saved_with_the_songs_that_they_were_learned_with(
    root: Path, tmp_path: Path
) -> None:
    _, examples = read(root)
    objective = two_tower(examples)
    wanted = np.arange(3 * len(examples.songs), dtype=np.float32).reshape(-1, 3)
    objective.save_space(tmp_path, lambda rows: wanted[rows])
    space = read_space(tmp_path, root / "data" / "wmf_factors")
    assert isinstance(space, LearnedListeners)
    assert space.wmf == Wmf(ALPHA, EPSILON, LAMBDA)
    plays = read_play_counts(root / "data" / "training_set")
    assert space.training_listeners().ids.tolist() == plays.user_ids.tolist()
    assert space.training_songs().ids.tolist() == examples.songs["song_id"].tolist()[: examples.n_training]
    np.testing.assert_array_equal(space.training_songs().vectors, wanted[: examples.n_training])


def test_blocks_are_scaled_by_how_far_their_scores_spread(root: Path, tmp_path: Path) -> None:
    _, examples = read(root)
    objective = FusedFactors(examples, n_blocks=2)
    rng = np.random.default_rng(0)
    blocks = [rng.standard_normal((50, 3)).astype(np.float32) * size for size in (1.0, 4.0)]
    users = examples.user_factors
    assert users is not None
    spread = [np.sqrt((users @ block.T).var(axis=1).mean()) for block in blocks]  # (n_users, n_songs)
    found = objective.scales(blocks)
    assert sum(found) == pytest.approx(1)
    assert found[0] * spread[0] == pytest.approx(found[1] * spread[1], rel=1e-4)
    assert objective.scales([blocks[0], np.ones((50, 3), np.float32)]) == [0.5, 0.5]
    mean, scale = objective.output_mean.clone(), objective.output_scale.clone()
    predicted = np.hstack([np.resize(block, (len(examples.songs), 3)) for block in blocks])
    objective.save_space(tmp_path, lambda rows: predicted[rows])
    outputs = torch.randn(4, 6)
    space = read_space(tmp_path, root / "data" / "wmf_factors")
    by_block = torch.tensor(space.scales).repeat_interleave(3)  # type: ignore[attr-defined]
    once, now = outputs * scale + mean, outputs * objective.output_scale + objective.output_mean
    torch.testing.assert_close(now, once * by_block)


def test_each_block_learns_the_factors_by_itself(root: Path) -> None:
    _, examples = read(root)
    objective = FusedFactors(examples, n_blocks=2)
    assert objective.n_outputs == 6
    songs = torch.tensor([0, 3])
    right = objective._one.targets[songs]
    assert objective(torch.cat([right, right], dim=1), songs).tolist() == [0.0, 0.0]
    half = objective(torch.cat([right, torch.zeros_like(right)], dim=1), songs)
    torch.testing.assert_close(half, right.square().mean(dim=1) / 2)
