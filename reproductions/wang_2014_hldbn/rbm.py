"""Restricted Boltzmann machines, and how a stack of them gives a deep belief net its first weights.

With visible units v, hidden ones h in {0, 1}, weights W and biases b, c the energy is

    E(v, h) = -b'v - c'h - v'Wh                     of binary v
    E(v, h) = |v - b|^2 / 2 - c'h - v'Wh            of real v, normal with deviation 1 given h

and the free energy F(v) = -log sum_h exp(-E(v, h)) has closed form, as hidden units are independent given v.
Contrastive divergence (Hinton 2002, CD-1) goes down the gradient of mean F(data) - mean F(reconstructions),
the reconstructions held fixed: from the data to hidden states, drawn, and back once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from wang_2014_hldbn.params import Pretraining

_FIRST_DEVIATION = 0.01


class Slope(NamedTuple):
    """Which way contrastive divergence goes, of the parameters of the same names."""

    weights: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor


@dataclass(frozen=True)
class Rbm:
    """A restricted Boltzmann machine.

    Attributes
    ----------
    weights
        float32 (n_visible, n_hidden).
    visible_bias, hidden_bias
        (n_visible,), (n_hidden,).
    gaussian
        Whether visible units are real numbers; else they are binary.
    """

    weights: Tensor
    visible_bias: Tensor
    hidden_bias: Tensor
    gaussian: bool

    def hidden(self, visible: Tensor) -> Tensor:
        """P(h = 1 | v), (n, n_hidden), of `visible` (n, n_visible)."""
        return (visible @ self.weights + self.hidden_bias).sigmoid()

    def visible(self, hidden: Tensor) -> Tensor:
        """The mean of v given h, (n, n_visible), of `hidden` (n, n_hidden)."""
        mean = hidden @ self.weights.T + self.visible_bias
        return mean if self.gaussian else mean.sigmoid()

    def free_energy(self, visible: Tensor) -> Tensor:
        """F(v), (n,), of `visible` (n, n_visible)."""
        import torch

        hidden = torch.nn.functional.softplus(visible @ self.weights + self.hidden_bias).sum(1)
        if self.gaussian:
            return (visible - self.visible_bias).square().sum(1) / 2 - hidden
        return -visible @ self.visible_bias - hidden

    def contrast(self, visible: Tensor, drawn: Tensor) -> Slope:
        """The step of CD-1: the mean over the batch of -dF(data) + dF(reconstructions).

        `visible` (n, n_visible); `drawn` (n, n_hidden), 0 or 1: hidden states drawn by `hidden(visible)`. The
        reconstructions are means, not drawn again, as Hinton (A practical guide, 2010, section 3) advises.
        """
        again = self.visible(drawn)
        up, down = self.hidden(visible), self.hidden(again)
        return Slope(
            (visible.T @ up - again.T @ down) / len(visible),
            (visible - again).mean(0),
            (up - down).mean(0),
        )

    def error(self, visible: Tensor) -> float:
        """Mean squared difference of `visible`, (n, n_visible), and what its hidden means give back."""
        return float((self.visible(self.hidden(visible)) - visible).square().mean())


def learn(
    visible: Tensor, n_hidden: int, gaussian: bool, rate: float, settings: Pretraining, rng: torch.Generator
) -> Rbm:
    """A machine that has learned `visible`, float32 (n, n_visible), by CD-1 with momentum."""
    import torch

    n_visible = visible.shape[1]
    first = torch.randn(n_visible, n_hidden, generator=rng) * _FIRST_DEVIATION
    rbm = Rbm(first, torch.zeros(n_visible), torch.zeros(n_hidden), gaussian)
    speed = torch.zeros_like(first)
    for _ in range(settings.epochs):
        order = torch.randperm(len(visible), generator=rng)
        for batch in torch.split(order, settings.batch_size):
            data = visible[batch]
            slope = rbm.contrast(data, torch.bernoulli(rbm.hidden(data), generator=rng))
            speed.mul_(settings.momentum).add_(slope.weights - settings.decay * rbm.weights, alpha=rate)
            rbm.weights.add_(speed)
            rbm.visible_bias.add_(slope.visible_bias, alpha=rate)
            rbm.hidden_bias.add_(slope.hidden_bias, alpha=rate)
    return rbm


def learn_stack(
    visible: Tensor, widths: Sequence[int], settings: Pretraining, rng: torch.Generator
) -> list[Rbm]:
    """A machine a layer, each learning the hidden means of that below; `visible` (n, n_visible) is real."""
    stack: list[Rbm] = []
    for n_hidden in widths:
        rate = settings.binary_rate if stack else settings.gaussian_rate
        stack.append(learn(visible, n_hidden, not stack, rate, settings, rng))
        visible = stack[-1].hidden(visible)
    return stack
