"""Restricted Boltzmann machines against sums over all hidden states, slow loops, and automatic gradients."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from wang_2014_hldbn.params import Pretraining
from wang_2014_hldbn.rbm import Rbm, learn, learn_stack

KINDS = pytest.mark.parametrize("gaussian", [True, False])


def machine(gaussian: bool, n_visible: int = 4, n_hidden: int = 3) -> Rbm:
    rng = torch.Generator().manual_seed(5)
    parts = (
        torch.randn(*shape, generator=rng) for shape in ((n_visible, n_hidden), (n_visible,), (n_hidden,))
    )
    return Rbm(*parts, gaussian)


def data(gaussian: bool, n: int = 6, n_visible: int = 4) -> Tensor:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(n, n_visible)) if gaussian else rng.integers(0, 2, (n, n_visible))
    return torch.from_numpy(values.astype(np.float32))


def energy(rbm: Rbm, v: np.ndarray, h: np.ndarray) -> float:
    w, b, c = (part.numpy().astype(float) for part in (rbm.weights, rbm.visible_bias, rbm.hidden_bias))
    own = ((v - b) ** 2).sum() / 2 if rbm.gaussian else -(b * v).sum()
    return own - (c * h).sum() - sum(v[i] * w[i, j] * h[j] for i in range(len(v)) for j in range(len(h)))


@KINDS
def test_free_energy_is_that_of_all_hidden_states_together(gaussian: bool) -> None:
    rbm, visible = machine(gaussian), data(gaussian)
    states = [np.array(h) for h in product([0, 1], repeat=3)]
    wanted = [-np.log(sum(np.exp(-energy(rbm, v, h)) for h in states)) for v in visible.numpy()]
    np.testing.assert_allclose(rbm.free_energy(visible), wanted, rtol=1e-5)


@KINDS
def test_hidden_means_are_those_of_all_hidden_states(gaussian: bool) -> None:
    rbm, visible = machine(gaussian), data(gaussian)
    states = np.array(list(product([0, 1], repeat=3)))
    for v, found in zip(visible.numpy(), rbm.hidden(visible), strict=True):
        weights = np.exp([-energy(rbm, v, h) for h in states])
        np.testing.assert_allclose(found, weights @ states / weights.sum(), rtol=1e-5)


@KINDS
def test_a_step_of_contrastive_divergence_as_loops(gaussian: bool) -> None:
    rbm, visible = machine(gaussian), data(gaussian)
    drawn = torch.from_numpy(np.random.default_rng(1).integers(0, 2, (6, 3)).astype(np.float32))
    w, b, c = (part.numpy().astype(float) for part in (rbm.weights, rbm.visible_bias, rbm.hidden_bias))

    def sigmoid(x: float) -> float:
        return 1 / (1 + np.exp(-x))

    weights, visible_bias, hidden_bias = np.zeros_like(w), np.zeros_like(b), np.zeros_like(c)
    for v, h in zip(visible.numpy().astype(float), drawn.numpy().astype(float), strict=True):
        mean = [b[i] + sum(w[i, j] * h[j] for j in range(3)) for i in range(4)]
        again = mean if gaussian else [sigmoid(x) for x in mean]
        up = [sigmoid(c[j] + sum(v[i] * w[i, j] for i in range(4))) for j in range(3)]
        down = [sigmoid(c[j] + sum(again[i] * w[i, j] for i in range(4))) for j in range(3)]
        for i in range(4):
            visible_bias[i] += (v[i] - again[i]) / 6
            for j in range(3):
                weights[i, j] += (v[i] * up[j] - again[i] * down[j]) / 6
        for j in range(3):
            hidden_bias[j] += (up[j] - down[j]) / 6
    slope = rbm.contrast(visible, drawn)
    for found, wanted in zip(slope, (weights, visible_bias, hidden_bias), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@KINDS
def test_it_goes_down_the_free_energy_of_data_and_up_that_of_reconstructions(gaussian: bool) -> None:
    rbm, visible = machine(gaussian), data(gaussian)
    drawn = torch.ones(6, 3)
    parts = [rbm.weights, rbm.visible_bias, rbm.hidden_bias]
    again = rbm.visible(drawn)
    for part in parts:
        part.requires_grad_()
    (rbm.free_energy(again.detach()).mean() - rbm.free_energy(visible).mean()).backward()
    with torch.no_grad():
        slope = rbm.contrast(visible, drawn)
    for found, part in zip(slope, parts, strict=True):
        np.testing.assert_allclose(found, part.grad, rtol=1e-4, atol=1e-5)


def test_what_was_learned_is_likelier_than_what_was_not() -> None:
    """Of 6 units either the first three are on, or the last three."""
    settings = Pretraining(200, 10, 0.5, 0.0, 0.1, 0.1)
    seen = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]).repeat(10, 1)
    rbm = learn(seen, 4, gaussian=False, rate=0.1, settings=settings, rng=torch.Generator().manual_seed(0))
    every = torch.tensor(list(product([0.0, 1.0], repeat=6)))
    energies = rbm.free_energy(every).numpy()
    likeliest = {tuple(every[row].int().tolist()) for row in energies.argsort()[:2]}
    assert likeliest == {(1, 1, 1, 0, 0, 0), (0, 0, 0, 1, 1, 1)}
    assert rbm.error(seen) < 0.02


def test_a_stack_is_real_at_the_bottom_and_binary_above() -> None:
    settings = Pretraining(2, 4, 0.5, 2e-4, 0.001, 0.02)
    stack = learn_stack(data(gaussian=True), [5, 3], settings, torch.Generator().manual_seed(0))
    assert [tuple(rbm.weights.shape) for rbm in stack] == [(4, 5), (5, 3)]
    assert [rbm.gaussian for rbm in stack] == [True, False]
    again = learn_stack(data(gaussian=True), [5, 3], settings, torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(stack[1].weights, again[1].weights)
