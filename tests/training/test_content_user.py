"""Listeners and songs by the angle between them: each loss against its sum pair by pair, and the space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.factors.solves import confidence, solve_rows
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.space import read_space
from earshot.spaces.wmf import Wmf
from earshot.training.examples import Examples
from earshot.training.objectives.content_user import ContentUser

N_USERS, N_SONGS, N_TRAINING, FACTORS, MARGIN = 9, 8, 6, 3, 0.2


def examples_of(seed: int) -> Examples:
    """Songs of few listeners and of many; some may have none."""
    draw = np.random.default_rng(seed)
    plays = draw.random((N_SONGS, N_USERS)) < draw.random((N_SONGS, 1))
    plays[[0, -1], 0] = True
    users, items = (draw.normal(size=(n, FACTORS)).astype(np.float32) for n in (N_USERS, N_SONGS))
    songs = pd.DataFrame({"song_id": [f"s{n}" for n in range(N_SONGS)]})
    ids = np.array([f"u{n}" for n in range(N_USERS)], dtype=object)
    counts = csr_array(plays.astype(np.float32))
    return Examples(songs, items, np.arange(N_SONGS), N_TRAINING, users, counts, ids, Wmf(2.0, 1.0, 5.0))


def hinge(positive: float, negatives: list[float]) -> float:
    """Lee et al.: of one play, in the mean over negatives that are given."""
    return sum(max(0.0, MARGIN - positive + other) for other in negatives) / len(negatives)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def tower(objective: ContentUser, user: int, head: int) -> np.ndarray:
    """A listener's vector of a head, layer by layer, in numpy."""
    weights = {name: value.detach().numpy() for name, value in objective.users.named_parameters()}
    if "linear.weight" in weights:
        factors = objective.users.factors.numpy()
        whole = weights["linear.weight"] @ factors[user] + weights["linear.bias"]
        width = len(whole) // objective.heads
        return np.asarray(whole[head * width : (head + 1) * width])
    shared = np.maximum(weights["vectors.weight"][user], 0)
    hidden = np.maximum(weights[f"heads.{head}.0.weight"] @ shared + weights[f"heads.{head}.0.bias"], 0)
    return np.asarray(weights[f"heads.{head}.2.weight"] @ hidden + weights[f"heads.{head}.2.bias"])


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**16),
    songs=st.lists(st.integers(0, N_SONGS - 1), min_size=1, max_size=9),
    users=st.sampled_from(["random", "factors"]),
    heads=st.integers(1, 3),
)
def test_the_loss_is_that_of_the_paper_pair_by_pair(
    seed: int, songs: list[int], users: str, heads: int
) -> None:
    examples = examples_of(seed)
    torch.manual_seed(seed)
    objective = ContentUser(examples, users=users, dimensions=4, heads=heads, hidden=5)  # type: ignore[arg-type]
    outputs = torch.randn(len(songs), 4 * heads, generator=torch.Generator().manual_seed(seed))
    found = objective(outputs, torch.tensor(songs)).detach().numpy()
    plays, vectors = examples.plays.toarray() > 0, outputs.numpy().reshape(len(songs), heads, 4)  # type: ignore[union-attr]
    for place, song in enumerate(songs):
        of_part = plays[:N_TRAINING] if song < N_TRAINING else plays[N_TRAINING:]
        wanted = 0.0
        for user in np.flatnonzero(plays[song]):
            others = [other for other, its in enumerate(songs) if not plays[its, user]]
            for head in range(heads if others else 0):
                u = tower(objective, user, head)
                negatives = [cosine(u, vectors[other, head]) for other in others]
                wanted += hinge(cosine(u, vectors[place, head]), negatives) / heads
        wanted *= len(of_part) / max(1, of_part.sum()) / MARGIN
        wanted += ((np.linalg.norm(vectors[place], axis=1) - 1) ** 2).mean()
        assert found[place] == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_the_gradient_is_that_of_the_loss() -> None:
    torch.manual_seed(0)
    objective = ContentUser(examples_of(0), dimensions=4, heads=2, hidden=5).double()
    songs = torch.tensor([0, 3, 5, 7])
    outputs = torch.randn(4, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda some: objective(some, songs), outputs)


def test_the_space_keeps_every_listeners_order_and_has_the_scores_of_plays(tmp_path: Path) -> None:
    examples = examples_of(3)
    objective = ContentUser(examples, users="factors", dimensions=4)
    heard = np.random.default_rng(0).normal(size=(N_SONGS, 4)).astype(np.float32)
    heard /= np.linalg.norm(heard, axis=1, keepdims=True)
    listeners = objective.listeners()
    objective.save_space(tmp_path, lambda rows: heard[rows])
    space = read_space(tmp_path, tmp_path)
    assert isinstance(space, LearnedListeners)
    ours = space.training_listeners()
    lengths = np.linalg.norm(ours.vectors, axis=1)
    assert examples.user_factors is not None
    assert examples.plays is not None
    np.testing.assert_allclose(lengths, np.sqrt((examples.user_factors**2).sum(1).mean()), rtol=1e-5)
    # predictions as they are served: on the line through the solved songs for early stopping
    served = heard * objective.output_scale.numpy() + objective.output_mean.numpy()
    np.testing.assert_allclose(space.training_songs().vectors, served[:N_TRAINING], rtol=1e-4, atol=1e-6)
    if float(objective.output_scale) > 0:
        order = np.argsort(listeners @ heard.T, axis=1)
        np.testing.assert_array_equal(np.argsort(ours.vectors @ served.T, axis=1), order)
    counts = confidence(examples.plays[N_TRAINING:], 2.0, 1.0)
    solved = solve_rows(counts, ours.vectors, 5.0)
    validation = served[N_TRAINING:]
    error = ((ours.vectors @ (validation - solved).T) ** 2).sum()
    for slope, shift in ((1.2, 0.0), (0.8, 0.0), (1.0, 0.01)):
        other = (validation - validation.mean(axis=0)) * slope + validation.mean(axis=0) + shift
        assert ((ours.vectors @ (other - solved).T) ** 2).sum() >= error * (1 - 1e-5)


def test_what_cannot_be_is_refused_in_words() -> None:
    examples = examples_of(0)
    for wrong, said in (
        ({"users": "known"}, "users='known': wanted random or factors"),
        ({"margin": 0.0}, "margin=0.0"),
        ({"heads": 0}, "heads=0"),
    ):
        with pytest.raises(ValueError, match=said):
            ContentUser(examples, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="user factors, plays and user ids"):
        ContentUser(replace(examples, plays=None))
