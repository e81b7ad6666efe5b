"""Lists without the held-out plays: what is fitted again, where it lies, and lists against plain scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.factors.solves import confidence
from earshot.factors.wmf import fit
from earshot.recommend.held_out_lists import Recipe, refit, serve_held_out, without
from earshot.recommend.list_rules import NO_RULES, ListMaker
from earshot.recommend.serving import serve
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import WmfSpace
from tests.spaces.spaces import FACTORS, KINDS, WMF, ids, placed, space_of, width

USERS, SONGS = ids(*(f"u{n:02}" for n in range(40))), ids(*(f"s{n:02}" for n in range(30)))
RECIPE = Recipe(iterations=12, seed=3)


@pytest.fixture
def plays():
    counts = random_array((40, 30), density=0.3, rng=0, format="csr", dtype=np.float32)
    counts.data = np.ceil(5 * counts.data)
    return PlayCounts(USERS, SONGS, csr_array(counts))


def plain(k):
    return ListMaker(k, NO_RULES, np.zeros(len(SONGS), dtype=bool), np.arange(len(SONGS)))


def fitted(plays):
    found = fit(
        confidence(plays.matrix, WMF.alpha, WMF.epsilon),
        factors=FACTORS,
        regularization=WMF.regularization,
        iterations=RECIPE.iterations,
        seed=RECIPE.seed,
    )
    return WmfSpace(Placed(USERS, found.user_factors), Placed(SONGS, found.item_factors), WMF)


def test_the_same_plays_give_the_same_space_whichever_way_it_is_turned(plays):
    space = fitted(plays)
    again = refit(space, plays, RECIPE)
    np.testing.assert_allclose(again.songs.vectors, space.songs.vectors, atol=1e-5)
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((FACTORS, FACTORS)))
    turned = replace(
        space,
        listeners=Placed(USERS, (space.listeners.vectors @ turn).astype(np.float32)),
        songs=Placed(SONGS, (space.songs.vectors @ turn).astype(np.float32)),
    )
    followed = refit(turned, plays, RECIPE)
    np.testing.assert_allclose(followed.songs.vectors, turned.songs.vectors, atol=1e-5)
    np.testing.assert_allclose(followed.listeners.vectors, turned.listeners.vectors, atol=1e-5)


def test_only_listeners_and_songs_of_the_space_are_fitted(plays):
    space = fitted(plays)
    fewer = WmfSpace(space.listeners.only(USERS != "u07"), space.songs.only(SONGS != "s11"), WMF)
    again = refit(fewer, plays, RECIPE)
    assert again.listeners.ids.tolist() == [name for name in USERS if name != "u07"]
    assert again.songs.vectors.shape == (29, FACTORS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_space_is_fitted_to_what_is_known_alone(kind, plays):
    space = space_of(kind, USERS, SONGS, np.random.default_rng(2))
    held_out = np.random.default_rng(3).random(plays.matrix.nnz) < 0.2
    known = without(plays, held_out)
    assert known.matrix.nnz == (~held_out).sum()
    predicted = placed(SONGS, np.random.default_rng(4), width(space))
    asked = np.array([0, 5, 17])
    found = serve_held_out(known, asked, SONGS, predicted, refit(space, known, RECIPE), 5.0).lists(plain(9))
    served = serve(known, predicted, refit(space, known, RECIPE), 5.0, None)
    for row, listener in enumerate(asked):
        scores = served.item_factors.astype(np.float64) @ served.user_factors[listener].astype(np.float64)
        left = [song for song in np.argsort(-scores, kind="stable") if known.matrix[listener, song] == 0]
        assert found.songs[row].tolist() == left[:9]
    np.testing.assert_array_equal(found.vectors, served.item_factors)


def test_a_short_list_ends_with_nothing(plays):
    space = fitted(plays)
    heard = Placed(SONGS, space.songs.vectors)
    few = serve_held_out(plays, np.array([4]), SONGS, heard, space, 5.0).lists(plain(100))
    left = 30 - int(plays.matrix[[4]].nnz)
    assert (few.songs >= 0).sum() == left
    assert (few.songs[0, left:] == -1).all()
