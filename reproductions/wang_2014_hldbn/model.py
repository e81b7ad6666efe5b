"""The ratings as Wang and Wang model them: what is heard of a song, and what its ratings say, added up.

    r_uv ~ N(beta_u'x_v + gamma_u'y_v, sigma_R^2),    x_v = DBN(f_v)

with beta_u ~ N(mu, sigma_u^2 I), gamma_u and y_v ~ N(0, ...). The first term alone is the hierarchical
linear model with a deep belief net (HLDBN), the second with means of listeners alone is PMF (Salakhutdinov
and Mnih 2007). A new song has y_v = 0: the hybrid is HLDBN there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from wang_2014_hldbn.rbm import Rbm

_FIRST_DEVIATION = 0.1


class DeepBeliefNet(nn.Module):
    """x_v: sigmoid layers, a linear one, and a 1, so that beta_u holds how high a listener rates at all."""

    def __init__(self, n_features: int, widths: Sequence[int], n_outputs: int) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(low, high) for low, high in pairwise([n_features, *widths]))
        self.output = nn.Linear(widths[-1], n_outputs)
        nn.init.zeros_(self.output.bias)
        self.n_outputs = n_outputs + 1

    def start_from(self, stack: Sequence[Rbm]) -> None:
        """Take the hidden layers from machines that have learned without ratings."""
        with torch.no_grad():
            for layer, rbm in zip(self.hidden, stack, strict=True):
                assert isinstance(layer, nn.Linear)
                layer.weight.copy_(rbm.weights.T)
                layer.bias.copy_(rbm.hidden_bias)

    def forward(self, features: Tensor) -> Tensor:
        """float32 (n, n_features) to (n, n_outputs)."""
        for layer in self.hidden:
            features = layer(features).sigmoid()
        return torch.cat([self.output(features), features.new_ones(len(features), 1)], dim=1)


class NothingHeard(nn.Module):
    """x_v = 1 whatever the song: beta_u is how high a listener rates, and no more."""

    n_outputs = 1

    def forward(self, features: Tensor) -> Tensor:
        """float32 (n, n_features) to ones (n, 1)."""
        return features.new_ones(len(features), 1)


class Tastes(nn.Module):
    """beta_u'x_v, beta_u = mu + what is of the listener alone."""

    def __init__(self, network: DeepBeliefNet | NothingHeard, n_users: int) -> None:
        super().__init__()
        self.network = network
        self.mu = nn.Parameter(torch.zeros(network.n_outputs))
        self.own = nn.Parameter(torch.randn(n_users, network.n_outputs) * _FIRST_DEVIATION)

    def forward(self, features: Tensor, users: Tensor, songs: Tensor) -> Tensor:
        """Ratings (n,) of pairs; `features` (n_songs, n_features), `users` and `songs` rows, (n,)."""
        heard, place = torch.unique(songs, return_inverse=True)  # a song is heard once a batch
        x: Tensor = self.network(features[heard])
        return ((self.mu + self.own.index_select(0, users)) * x.index_select(0, place)).sum(1)

    def penalty(self, users: Tensor) -> Tensor:
        """The mean of |beta_u - mu|^2 over pairs, (n,) users: those who rate more are held back more."""
        return self.own.index_select(0, users).square().sum(1).mean()

    @property
    def beta(self) -> Tensor:
        """(n_users, n_outputs)."""
        return self.mu + self.own


class Factors(nn.Module):
    """gamma_u'y_v."""

    def __init__(self, n_users: int, n_songs: int, n_factors: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.randn(n_users, n_factors) * _FIRST_DEVIATION)
        self.y = nn.Parameter(torch.randn(n_songs, n_factors) * _FIRST_DEVIATION)

    def forward(self, users: Tensor, songs: Tensor) -> Tensor:
        """Ratings (n,) of pairs; `users` and `songs` are rows, (n,)."""
        return (self.gamma.index_select(0, users) * self.y.index_select(0, songs)).sum(1)

    def penalty(self, users: Tensor, songs: Tensor) -> Tensor:
        """The mean of |gamma_u|^2 + |y_v|^2 over pairs, (n,) rows each."""
        gamma, y = self.gamma.index_select(0, users), self.y.index_select(0, songs)
        return gamma.square().sum(1).mean() + y.square().sum(1).mean()


class Ratings(nn.Module):
    """One term or both."""

    def __init__(self, tastes: Tastes | None, factors: Factors | None) -> None:
        super().__init__()
        self.tastes, self.factors = tastes, factors

    def forward(self, features: Tensor, users: Tensor, songs: Tensor) -> Tensor:
        """Ratings (n,) of pairs of known songs."""
        rated = features.new_zeros(len(users))
        if self.tastes is not None:
            rated = rated + self.tastes(features, users, songs)
        return rated if self.factors is None else rated + self.factors(users, songs)
