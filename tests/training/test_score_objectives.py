"""Objectives that look at scores and directions, each against its sum pair by pair, and what changes none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from torch import nn

from earshot.training.examples import Examples
from earshot.training.objectives.contrastive import Contrastive
from earshot.training.objectives.factors_auc import FactorsAuc
from earshot.training.objectives.factors_metric import FactorsMetric
from earshot.training.objectives.factors_mse import FactorsMse

N_USERS, N_SONGS, N_TRAINING, FACTORS = 9, 8, 6, 3
ARTISTS = ["a", "b", "a", "", "c", "", "d", "d"]  # songs 3 and 5 name none

OBJECTIVES: list[Callable[[Examples], nn.Module]] = [FactorsMetric, FactorsAuc, Contrastive]
SOME_SONGS = st.lists(st.integers(0, N_SONGS - 1), min_size=1, max_size=9)


def examples_of(seed: int) -> Examples:
    """Songs of few listeners and of many; some may have none."""
    draw = np.random.default_rng(seed)
    plays = draw.random((N_SONGS, N_USERS)) < draw.random((N_SONGS, 1))
    users, items = (draw.normal(size=(n, FACTORS)).astype(np.float32) for n in (N_USERS, N_SONGS))
    songs = pd.DataFrame({"song_id": [f"s{n}" for n in range(N_SONGS)], "artist_id": ARTISTS})
    songs["artist_id"] = songs["artist_id"].replace("", None)
    counts = csr_array(plays.astype(np.float32))
    return Examples(songs, items, np.arange(N_SONGS), N_TRAINING, users, counts)


def losses_of(objective: nn.Module, vectors: np.ndarray, songs: list[int]) -> np.ndarray:
    """The losses of predicted vectors, in float64."""
    objective.double()
    outputs = (torch.from_numpy(vectors) - objective.output_mean) / objective.output_scale
    return np.asarray(objective(outputs, torch.tensor(songs)))


def scores_of(examples: Examples, vectors: np.ndarray) -> np.ndarray:
    """(n_songs, n_users)."""
    return vectors @ examples.user_factors.astype(float).T


def spread_of(examples: Examples) -> float:
    """Squared scores of the training songs about their mean, a song on average, over all listeners."""
    training = scores_of(examples, examples.factors[:N_TRAINING].astype(float))
    return float(((training - training.mean(axis=0)) ** 2).sum() / N_TRAINING)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), songs=SOME_SONGS)
def test_the_metric_is_the_error_of_all_scores_by_that_of_the_mean(seed: int, songs: list[int]) -> None:
    examples = examples_of(seed)
    vectors = np.random.default_rng(seed + 1).normal(size=(len(songs), FACTORS))
    errors = scores_of(examples, vectors - examples.factors[songs])
    wanted = [sum(error**2 for error in row) / spread_of(examples) for row in errors]
    assert_allclose(losses_of(FactorsMetric(examples), vectors, songs), wanted, rtol=1e-4)
    training = list(range(N_TRAINING))
    mean = np.tile(examples.factors[:N_TRAINING].astype(float).mean(axis=0), (N_TRAINING, 1))
    assert losses_of(FactorsMetric(examples), mean, training).mean() == pytest.approx(1, rel=1e-4)


def test_other_factors_with_the_same_scores_have_the_same_metric() -> None:
    """Rotated, and stretched: X A^-1' (A y) = X y. Squared error to the factors is another one."""
    examples, songs = examples_of(0), list(range(N_SONGS))
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(N_SONGS, FACTORS))
    a = np.diag([1.0, 3.0, 0.5]) + 0.3 * draw.normal(size=(FACTORS, FACTORS))
    turned = replace(
        examples,
        factors=(examples.factors @ a.T).astype(np.float32),
        user_factors=(examples.user_factors @ np.linalg.inv(a)).astype(np.float32),
    )
    for kind in (FactorsMetric, FactorsAuc):
        once, again = losses_of(kind(examples), vectors, songs), losses_of(kind(turned), vectors @ a.T, songs)
        assert_allclose(once, again, rtol=1e-4)
    once = losses_of(FactorsMse(examples), vectors, songs)
    assert abs(losses_of(FactorsMse(turned), vectors @ a.T, songs) / once - 1).max() > 0.1


def slow_auc_loss(examples: Examples, vectors: np.ndarray, songs: list[int]) -> list[float]:
    plays, scores = examples.plays.toarray() > 0, scores_of(examples, vectors)  # (n, n_users)
    unit, losses = np.sqrt(spread_of(examples) / N_USERS), []
    for i, song in enumerate(songs):
        part = plays[:N_TRAINING] if song < N_TRAINING else plays[N_TRAINING:]
        total = 0.0
        for user in np.flatnonzero(plays[song]):
            others = [j for j, other in enumerate(songs) if not plays[other, user]]
            pairs = [max(0, 1 - (scores[i, user] - scores[j, user]) / unit) ** 2 for j in others]
            total += np.mean(pairs) / part[:, user].sum() if pairs else 0
        losses.append(len(part) / part.any(axis=0).sum() * total if total else 0.0)
    return losses


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), songs=SOME_SONGS)
def test_the_auc_loss_is_a_squared_hinge_pair_by_pair(seed: int, songs: list[int]) -> None:
    examples = examples_of(seed)
    vectors = np.random.default_rng(seed + 1).normal(size=(len(songs), FACTORS))
    found = losses_of(FactorsAuc(examples), vectors, songs)
    assert_allclose(found, slow_auc_loss(examples, vectors, songs), rtol=1e-4, atol=1e-6)
    same = losses_of(FactorsAuc(examples), vectors + np.array([1.0, -2.0, 0.5]), songs)
    assert_allclose(same, found, rtol=1e-4, atol=1e-6, err_msg="a shift of all songs changes no order")


def test_the_auc_loss_is_1_of_scores_that_are_alike_and_0_of_the_right_order() -> None:
    """Listener k plays songs k and k + 3, and has them, and no others, in direction k."""
    plays = csr_array(np.tile(np.eye(3, dtype=np.float32), (2, 1)))  # (6, 3)
    songs = pd.DataFrame({"song_id": list("uvwxyz"), "artist_id": "a"})
    right = np.tile(np.eye(3), (2, 1))
    examples = Examples(songs, right.astype(np.float32), np.arange(6), 6, np.eye(3, dtype=np.float32), plays)
    objective, rows = FactorsAuc(examples), list(range(6))
    unit = objective.unit.item()
    assert_allclose(losses_of(objective, 0 * right, rows), np.ones(6))
    assert_allclose(losses_of(objective, right * unit, rows), np.zeros(6), atol=1e-12)
    assert_allclose(losses_of(objective, right * unit / 2, rows), np.full(6, 1 / 4), rtol=1e-6)
    assert_allclose(losses_of(objective, -right * unit, rows), np.full(6, 4), rtol=1e-6)


def slow_contrastive_loss(examples: Examples, outputs: np.ndarray, songs: list[int]) -> list[float]:
    names = [artist or f"song {n}" for n, artist in enumerate(ARTISTS)]
    y = [examples.factors[song].astype(float) for song in songs]

    def similarity(i: int, j: int) -> float:
        return float(outputs[i] @ y[j] / np.linalg.norm(outputs[i]) / np.linalg.norm(y[j]) / 0.1)

    losses = []
    for i, song in enumerate(songs):
        others = [j for j, other in enumerate(songs) if names[other] != names[song]]
        loss = (np.linalg.norm(outputs[i]) - 1) ** 2
        if others:
            rows, columns = (
                np.log(np.mean([np.exp(similarity(*pair)) for pair in pairs]))
                for pairs in ([(i, j) for j in others], [(j, i) for j in others])
            )
            loss += (rows + columns) / 2 - similarity(i, i)
        losses.append(loss)
    return losses


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), songs=SOME_SONGS)
def test_the_contrast_is_added_up_over_songs_of_other_artists(seed: int, songs: list[int]) -> None:
    examples = examples_of(seed)
    outputs = np.random.default_rng(seed + 1).normal(size=(len(songs), FACTORS))
    outputs /= np.minimum(1, np.linalg.norm(outputs, axis=1, keepdims=True) / 0.1)  # none is shorter than .1
    found = losses_of(Contrastive(examples), outputs, songs)
    assert_allclose(found, slow_contrastive_loss(examples, outputs, songs), rtol=1e-4, atol=1e-5)


def test_songs_of_one_artist_do_not_contrast() -> None:
    examples, songs = examples_of(0), [0, 2, 1, 0]  # 0 and 2 are of artist a, and 0 stands there twice
    outputs = np.random.default_rng(1).normal(size=(4, FACTORS))
    changed = outputs.copy()
    changed[0] = [5.0, -1.0, 2.0]
    objective = Contrastive(examples)
    once, now = losses_of(objective, outputs, songs), losses_of(objective, changed, songs)
    assert_allclose(now[[1, 3]], once[[1, 3]], rtol=1e-12)
    assert (now[[0, 2]] != once[[0, 2]]).all()
    alone = losses_of(objective, outputs[:2], [0, 2])
    assert_allclose(alone, (np.linalg.norm(outputs[:2], axis=1) - 1) ** 2)


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_gradient(kind: Callable[[Examples], nn.Module]) -> None:
    objective = kind(examples_of(3)).double()
    outputs = torch.randn(6, FACTORS, dtype=torch.double, requires_grad=True, generator=torch.manual_seed(0))
    songs = torch.tensor([3, 0, 3, 5, 1, 7])
    assert torch.autograd.gradcheck(lambda vectors: objective(vectors, songs), outputs)
    at_zero = torch.zeros(6, FACTORS, dtype=torch.double, requires_grad=True)
    objective(at_zero, songs).sum().backward()
    assert at_zero.grad is not None
    assert at_zero.grad.abs().max() < 1000


@pytest.mark.parametrize("kind", [FactorsAuc, Contrastive])
def test_predictions_that_have_only_an_order_are_put_where_the_factors_are(
    kind: Callable[[Examples], nn.Module], tmp_path: Path
) -> None:
    examples = examples_of(0)
    objective = kind(examples)
    shift = np.array([3.0, -1.0, 2.0], dtype=np.float32)

    def hear(rows: np.ndarray) -> np.ndarray:
        return (examples.factors[rows] - shift) / 7

    outputs = (torch.from_numpy(hear(np.arange(N_SONGS))) - objective.output_mean) / objective.output_scale
    objective.save_space(tmp_path, hear)
    assert list(tmp_path.iterdir()) == []
    vectors = outputs * objective.output_scale + objective.output_mean
    assert_allclose(vectors.numpy(), examples.factors, atol=1e-4)
    turned = kind(examples)
    turned.save_space(tmp_path, lambda rows: -examples.factors[rows])
    assert turned.output_scale == 0
    assert_allclose(turned.output_mean, examples.factors[N_TRAINING:].mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_examples_without_listeners_are_refused(kind: Callable[[Examples], nn.Module]) -> None:
    with pytest.raises(ValueError, match="wanted user factors"):
        kind(replace(examples_of(0), user_factors=None))
    with pytest.raises(ValueError, match="temperature=0"):
        Contrastive(examples_of(0), temperature=0)
