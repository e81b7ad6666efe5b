"""Plays as ratings, the loss that is fitted, and what hybrids take from each other, on tiny catalogues."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.errors import UserError
from wang_2014_hldbn.fitting import Fitted, batch_loss, fit, nothing, root_mean_square
from wang_2014_hldbn.model import DeepBeliefNet, Factors, NothingHeard, Ratings, Tastes
from wang_2014_hldbn.pairs import Pairs, RatingQuestion, ask
from wang_2014_hldbn.params import Fitting

FITTING = Fitting([3], 2, 2, 15, 64, 0.05, 0.0, 0.01, 0.01)


def question(seed: int = 0, n_users: int = 12, n_songs: int = 20) -> RatingQuestion:
    """Half of the listeners play songs whose first feature is high, the others those where it is low."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_songs, 4)).astype(np.float32)
    liked = (features[:, 0] > 0) == (np.arange(n_users) < n_users / 2)[:, None]
    plays = (liked & (rng.random(liked.shape) < 0.7)).astype(np.float32)
    cold, stop = np.arange(n_songs) >= n_songs - 5, np.arange(n_songs) < 4
    return ask(
        csr_array(plays * ~cold),
        stop,
        csr_array(plays * cold),
        features,
        (0.2, 0.1),
        np.random.default_rng(1),
    )


@given(seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_zeros_are_songs_of_the_same_part_that_nobody_of_them_played(seed: int) -> None:
    asked = question(seed)
    learned = set(zip(asked.users.tolist(), asked.songs.tolist(), strict=True))
    plays, zeros = set(learned), set()
    for part, pool in (
        (asked.warm, asked.pool),
        (asked.stop_warm, asked.pool),
        (asked.stop_new, range(4)),
        (asked.cold, range(15, 20)),
    ):
        pairs = list(zip(part.users.tolist(), part.songs.tolist(), strict=True))
        ones = {pair for pair, rating in zip(pairs, part.ratings, strict=True) if rating == 1}
        assert not plays & ones  # held out once
        plays |= ones
        zeros |= set(pairs) - ones
        assert {song for _, song in pairs} <= set(pool)
        assert len(pairs) - len(ones) <= len(ones)
    assert not plays & zeros
    assert not {song for _, song in learned} & {*range(4), *range(15, 20)}


def test_plays_that_are_too_few_for_every_part_are_told() -> None:
    one = csr_array(np.eye(3, dtype=np.float32))
    with pytest.raises(UserError, match=r"0 to be told \(held_out.told=1e-06\).*wanted some of each"):
        ask(one, np.arange(3) == 0, one, np.zeros((3, 1), np.float32), (1e-6, 0.5), np.random.default_rng(0))


def slow_loss(model: Any, features: np.ndarray, pairs: Pairs) -> float:
    """Sums over pairs, one after another."""
    weight = {name: value.detach().numpy() for name, value in model.named_parameters()}
    loss = 0.0
    for u, v, r in zip(*pairs, strict=True):
        hidden = (
            weight["tastes.network.hidden.0.weight"] @ features[v] + weight["tastes.network.hidden.0.bias"]
        )
        heard = weight["tastes.network.output.weight"] @ (1 / (1 + np.exp(-hidden)))
        x = np.append(heard + weight["tastes.network.output.bias"], 1.0)
        beta = weight["tastes.mu"] + weight["tastes.own"][u]
        gamma, y = weight["factors.gamma"][u], weight["factors.y"][v]
        loss += (r - beta @ x - gamma @ y) ** 2 + FITTING.tastes_penalty * (
            (beta - weight["tastes.mu"]) ** 2
        ).sum()
        loss += FITTING.factors_penalty * ((gamma**2).sum() + (y**2).sum())
    return loss / len(pairs.users)


def test_the_loss_and_its_gradient_as_loops() -> None:
    torch.manual_seed(0)
    asked = question()
    model = Ratings(Tastes(DeepBeliefNet(4, [3], 2), 12), Factors(12, 20, 2)).double()
    features, pairs = asked.features.astype(np.float64), asked.warm
    loss = batch_loss(model, torch.from_numpy(features), *map(torch.from_numpy, pairs), FITTING)
    assert loss.item() == pytest.approx(slow_loss(model, features, pairs), rel=1e-9)
    loss.backward()
    for parameter in model.parameters():
        flat, slope = parameter.data.view(-1), parameter.grad.view(-1)
        where = int(slope.abs().argmax())
        value, step = float(flat[where]), 1e-6
        ends = []
        for end in (value + step, value - step):
            flat[where] = end
            ends.append(slow_loss(model, features, pairs))
        flat[where] = value
        assert float(slope[where]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)


def test_what_is_heard_tells_new_songs_and_a_hybrid_adds_to_what_is_given() -> None:
    torch.manual_seed(0)
    asked = question(n_users=60, n_songs=60)
    heard = fit(Ratings(Tastes(DeepBeliefNet(4, [3], 2), 60), None), asked, nothing(asked), "new", FITTING, 0)
    users, songs, _ = asked.cold
    assert root_mean_square(asked.cold, heard.of_new(users, songs)) < 0.45
    left = fit(Ratings(None, Factors(60, 60, 2)), asked, heard, "warm", FITTING, 0)
    assert left.x.shape == (60, 0)
    both = heard + left
    np.testing.assert_array_equal(both.of_new(users, songs), heard.of_new(users, songs))
    warm = asked.warm[:2]
    np.testing.assert_allclose(both.of_known(*warm), heard.of_known(*warm) + left.of_known(*warm), rtol=1e-5)


def test_nothing_heard_rates_every_new_song_alike() -> None:
    torch.manual_seed(0)
    asked = question()
    rated = fit(
        Ratings(Tastes(NothingHeard(), 12), Factors(12, 20, 2)), asked, nothing(asked), "warm", FITTING, 0
    )
    assert isinstance(rated, Fitted)
    assert np.ptp(rated.of_new(np.zeros(20, np.int64), np.arange(20))) == 0
