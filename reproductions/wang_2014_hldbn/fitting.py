"""Ratings fitted by gradients, mini-batch by mini-batch, and stopped by ratings that were held out.

The loss of a batch of pairs is the negative logarithm of the posterior up to constants, with zeros drawn anew
every epoch,

    mean (r - rated)^2 + a mean |beta_u - mu|^2 + b mean (|gamma_u|^2 + |y_v|^2)

and decay of the network's weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from wang_2014_hldbn.model import Ratings
from wang_2014_hldbn.pairs import Ints, Pairs, RatingQuestion, with_zeros
from wang_2014_hldbn.params import Fitting

Floats = NDArray[np.float32]
StopBy = Literal["warm", "new", "both"]


@dataclass(frozen=True)
class Fitted:
    """Who is where: ratings of known songs are beta_u'x_v + gamma_u'y_v, of new ones beta_u'x_v.

    Attributes
    ----------
    beta, x
        float32 (n_users, d), (n_songs, d); d may be 0.
    gamma, y
        float32 (n_users, factors), (n_songs, factors); factors may be 0.
    """

    beta: Floats
    x: Floats
    gamma: Floats
    y: Floats

    def __add__(self, other: Fitted) -> Fitted:
        """Ratings that are the sum of both."""
        parts = ("beta", "x", "gamma", "y")
        return Fitted(
            *(np.concatenate([getattr(self, part), getattr(other, part)], axis=1) for part in parts)
        )

    def of_known(self, users: Ints, songs: Ints) -> Floats:
        """Ratings (n,) of pairs of songs that were learned from."""
        rated: Floats = (self.gamma[users] * self.y[songs]).sum(axis=1)
        return self.of_new(users, songs) + rated

    def of_new(self, users: Ints, songs: Ints) -> Floats:
        """Ratings (n,) of pairs of songs that nobody has rated."""
        heard: Floats = (self.beta[users] * self.x[songs]).sum(axis=1)
        return heard


def nothing(question: RatingQuestion) -> Fitted:
    """Ratings of 0."""
    users, songs = (np.zeros((n, 0), np.float32) for n in (question.n_users, len(question.features)))
    return Fitted(users, songs, users, songs)


def fit(
    model: Ratings, question: RatingQuestion, given: Fitted, stop_by: StopBy, settings: Fitting, seed: int
) -> Fitted:
    """What `model` rates beside `given`: fitted to what that leaves of the ratings.

    `model` is changed. `stop_by` says by which ratings the best epoch is told; `both` is the mean of the two.
    """
    rng = np.random.default_rng(seed)
    features = torch.from_numpy(question.features)
    optimizer = _optimizer(model, settings)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs)
    best, least = taken_out(model, question), float("inf")
    for _ in range(settings.epochs):
        pairs = with_zeros(question.users, question.songs, question.pool, question.known, rng)
        left = pairs.ratings - given.of_known(pairs.users, pairs.songs)
        order = rng.permutation(len(left))
        for batch in np.array_split(order, max(len(order) // settings.batch_size, 1)):
            users, songs = (torch.from_numpy(side[batch]) for side in (pairs.users, pairs.songs))
            loss = batch_loss(model, features, users, songs, torch.from_numpy(left[batch]), settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
        found = taken_out(model, question)
        error = _error(found, given, question, stop_by)
        if error < least:
            best, least = found, error
    return best


def _optimizer(model: Ratings, settings: Fitting) -> torch.optim.Optimizer:
    """Adam, with decay of the network's weights alone."""
    network = [*model.tastes.network.parameters()] if model.tastes is not None else []
    inside = {id(parameter) for parameter in network}
    others = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    groups: list[dict[str, Any]] = [{"params": others, "weight_decay": 0.0}]
    if network:
        groups.append({"params": network, "weight_decay": settings.network_decay})
    return torch.optim.AdamW(groups, settings.learning_rate)


def batch_loss(
    model: Ratings,
    features: torch.Tensor,
    users: torch.Tensor,
    songs: torch.Tensor,
    left: torch.Tensor,
    settings: Fitting,
) -> torch.Tensor:
    """The loss of a batch; `left` are the ratings of its pairs, (n,), or what is left of them."""
    loss: torch.Tensor = (model(features, users, songs) - left).square().mean()
    if model.tastes is not None:
        loss = loss + settings.tastes_penalty * model.tastes.penalty(users)
    if model.factors is not None:
        loss = loss + settings.factors_penalty * model.factors.penalty(users, songs)
    return loss


def taken_out(model: Ratings, question: RatingQuestion) -> Fitted:
    """Where listeners and songs are by now."""
    empty = nothing(question)
    beta, x, gamma, y = empty.beta, empty.x, empty.gamma, empty.y
    with torch.no_grad():
        if model.tastes is not None:
            beta = model.tastes.beta.numpy().copy()
            x = model.tastes.network(torch.from_numpy(question.features)).numpy()
        if model.factors is not None:
            gamma, y = model.factors.gamma.numpy().copy(), model.factors.y.numpy().copy()
    return Fitted(beta, x, gamma, y)


def _error(found: Fitted, given: Fitted, question: RatingQuestion, stop_by: StopBy) -> float:
    both, warm, new = given + found, question.stop_warm, question.stop_new
    errors = {
        "warm": root_mean_square(warm, both.of_known(warm.users, warm.songs)),
        "new": root_mean_square(new, both.of_new(new.users, new.songs)),
    }
    return sum(errors.values()) / 2 if stop_by == "both" else errors[stop_by]


def root_mean_square(pairs: Pairs, rated: Floats) -> float:
    """RMSE of what was rated."""
    return float(np.sqrt(np.square(pairs.ratings - rated, dtype=np.float64).mean()))
