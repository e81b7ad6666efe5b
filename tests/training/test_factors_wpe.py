"""Eq. 5 against its dense sum over all users, its gradient, and a training for it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import read_play_counts
from earshot.classes import Component
from earshot.factors.numbers import write_numbers
from earshot.factors.solves import confidence
from earshot.factors.wmf import fit
from earshot.files import write_table
from earshot.params import WmfFactors
from earshot.predictors.song_encoder import describe
from earshot.spaces.wmf import Wmf
from earshot.store.reader import HyperImageStore
from earshot.training.examples import Examples, read_examples
from earshot.training.objectives.factors_wpe import FactorsWpe
from earshot.training.train import build_objective, train
from tests.training.heard import N_SONGS, N_USERS, cnn_params, write_training_set

WPE = Component("earshot.training.objectives.factors_wpe:FactorsWpe", {})
NUMBERS = WmfFactors(factors=2, alpha=3.0, epsilon=0.5, regularization=1.0, iterations=10)


def _examples(seed: int, n_users: int = 9, n_songs: int = 6) -> Examples:
    """Songs of few listeners and of many; the last may have none."""
    draw = np.random.default_rng(seed)
    plays = draw.poisson(3, (n_songs, n_users)) * (
        draw.random((n_songs, n_users)) < draw.random((n_songs, 1))
    )
    users, items = (draw.normal(size=(n, 3)).astype(np.float32) for n in (n_users, n_songs))
    songs, sparse = pd.DataFrame(index=range(n_songs)), csr_array(plays.astype(np.float32))
    return Examples(songs, items, np.arange(n_songs), n_songs - 2, users, sparse, wmf=Wmf(3.0, 0.5, 1.0))


def _dense(examples: Examples, factors: np.ndarray, songs: np.ndarray) -> np.ndarray:
    """Eq. 5 of each song, with every user in the sum."""
    counts = examples.plays.toarray()[songs].astype(float)
    c, p = 1 + 3.0 * np.log(1 + counts / 0.5), counts > 0
    return (c * (p - factors @ examples.user_factors.astype(float).T) ** 2).sum(axis=1)


@given(seed=st.integers(0, 1000), songs=st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_loss_is_the_dense_sum_over_all_users_by_that_of_the_mean(seed: int, songs: list[int]) -> None:
    examples = _examples(seed)
    objective = FactorsWpe(examples).double()
    outputs = np.random.default_rng(seed + 1).normal(size=(len(songs), 3))
    mean, scale = objective.output_mean.numpy(), objective.output_scale.item()
    assert_allclose(mean, examples.factors[:4].mean(axis=0), rtol=1e-6)
    unit = _dense(examples, np.tile(mean, (4, 1)), np.arange(4)).mean()
    expected = _dense(examples, outputs * scale + mean, np.array(songs)) / unit
    assert_allclose(objective(torch.from_numpy(outputs), torch.tensor(songs)), expected, rtol=1e-5)


def test_gradient() -> None:
    objective = FactorsWpe(_examples(0)).double()
    outputs = torch.randn(5, 3, dtype=torch.double, requires_grad=True, generator=torch.manual_seed(0))
    songs = torch.tensor([3, 0, 3, 5, 1])
    assert torch.autograd.gradcheck(lambda vectors: objective(vectors, songs), outputs)


def test_the_best_output_of_a_song_is_its_exact_row_solve() -> None:
    examples = _examples(2)
    objective = FactorsWpe(examples).double()
    songs = torch.arange(6)
    outputs = torch.zeros(6, 3, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([outputs], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-14)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        total = objective(outputs, songs).sum()
        total.backward()
        return total

    optimizer.step(loss)
    found = (outputs * objective.output_scale + objective.output_mean).detach().numpy()
    users, counts = examples.user_factors.astype(float), examples.plays.toarray().astype(float)
    for song, plays in enumerate(counts):
        c = 1 + 3.0 * np.log(1 + plays / 0.5)
        assert_allclose(
            found[song], np.linalg.solve((users.T * c) @ users, users.T @ (c * (plays > 0))), atol=1e-5
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training set, and factors of its warm songs."""
    write_training_set(tmp_path / "training_set")
    counts = read_play_counts(tmp_path / "training_set")
    warm = np.arange(N_SONGS) % 4 > 0
    confidences = confidence(counts.matrix, 3.0, 0.5)[:, warm]
    fitted = fit(confidences, factors=2, regularization=1.0, iterations=10, seed=0)
    (tmp_path / "wmf_factors").mkdir()
    write_numbers(tmp_path / "wmf_factors", NUMBERS)
    np.save(tmp_path / "wmf_factors" / "user_factors.npy", fitted.user_factors)
    np.save(tmp_path / "wmf_factors" / "item_factors.npy", fitted.item_factors)
    write_table(tmp_path / "wmf_factors" / "items.parquet", pd.DataFrame({"song_id": counts.song_ids[warm]}))
    return tmp_path


def test_examples_know_who_played_their_songs(folder: Path) -> None:
    store = HyperImageStore.open(folder / "training_set" / "hyper_images")
    examples = read_examples(folder / "training_set", folder / "wmf_factors", store)
    counts = read_play_counts(folder / "training_set")
    assert examples.user_factors.shape == (N_USERS, 2)
    assert examples.wmf == Wmf(3.0, 0.5, 1.0)
    for row, song_id in enumerate(examples.songs["song_id"]):
        column = counts.song_ids.tolist().index(song_id)
        assert_array_equal(examples.plays.toarray()[row], counts.matrix.toarray()[:, column])


def test_a_training_for_it_lowers_it(folder: Path) -> None:
    store = HyperImageStore.open(folder / "training_set" / "hyper_images")
    examples = read_examples(folder / "training_set", folder / "wmf_factors", store)
    objective = build_objective(WPE, examples)
    params = cnn_params(objective=WPE)
    description = describe(params.encoder, store.format, params.window_seconds, objective.n_outputs)
    (folder / "work").mkdir()
    trained = train(description, objective, store, examples, params, seed=0, work=folder / "work")
    losses = [epoch.validation_loss for epoch in trained.epochs]
    validation = torch.arange(examples.n_training, len(examples.songs))
    best = (torch.from_numpy(examples.factors)[validation] - objective.output_mean) / objective.output_scale
    floor, mean = objective(best, validation).mean(), objective(torch.zeros_like(best), validation).mean()
    assert (
        min(losses) < floor + (mean - floor) / 2
    )  # halfway from what the mean reaches to what factors reach
