"""Listeners of elsewhere against X'X of home."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.errors import UserError
from earshot.spaces.placing import Placed
from earshot.spaces.shared import SharedWmf
from earshot.spaces.wmf import WmfSpace
from tests.spaces.spaces import WMF, ids, placed


def plays_of(songs: np.ndarray, counts: np.ndarray) -> PlayCounts:
    return PlayCounts(ids("me"), songs, csr_array(counts[None].astype(np.float32)))


@given(seed=st.integers(0, 2**32 - 1))
def test_a_listener_of_few_songs_is_where_home_would_have_put_them(seed: int) -> None:
    """Of a catalogue of 12 songs, here are 3 of home and one that home has not."""
    rng = np.random.default_rng(seed)
    home = placed(ids(*(f"s{n:02d}" for n in range(12))), rng)
    new = placed(ids("t"), rng)
    space = SharedWmf(home.vectors.T @ home.vectors, home, WMF)
    here = Placed(np.append(home.ids[:3], new.ids), np.vstack([home.vectors[:3], new.vectors]))
    plays = plays_of(here.ids, rng.integers(1, 9, 4))
    all_songs = Placed(np.append(home.ids, new.ids), np.vstack([home.vectors, new.vectors]))
    at_home = WmfSpace(None, home, WMF).place_listeners(plays, all_songs).vectors
    np.testing.assert_allclose(space.place_listeners(plays, here).vectors, at_home, rtol=1e-3, atol=1e-4)
    alone = WmfSpace(None, home, WMF).place_listeners(plays, here).vectors
    assert np.abs(alone - at_home).max() > 1e-4, "of these songs alone the listener is another one"


def test_by_hand_in_one_dimension() -> None:
    """(X'X + lambda + (c - 1) y^2) x = c y, with y = 2, lambda 3, c = 1 + 2 log 2 of one play."""
    space = SharedWmf(np.array([[9.0]], np.float32), Placed(ids("s"), np.array([[2.0]], np.float32)), WMF)
    c = 1 + 2 * np.log(2)
    found = space.place_listeners(plays_of(ids("s"), np.array([1])), space.songs).vectors
    np.testing.assert_allclose(found, [[2 * c / (9 + 3 + 4 * (c - 1))]], rtol=1e-6)


def test_a_shared_song_stays_and_another_is_where_it_sounds() -> None:
    rng = np.random.default_rng(0)
    home, sound = placed(ids("a", "b"), rng), placed(ids("b", "c"), rng)
    space = SharedWmf(np.eye(3, dtype=np.float32), home, WMF)
    plays = plays_of(ids("b", "c"), np.array([1, 2]))
    found = space.place_songs(sound.ids, sound.vectors, plays, n0=5.0).vectors
    np.testing.assert_array_equal(found, [home.vectors[1], sound.vectors[1]])
    np.testing.assert_array_equal(
        space.place_songs(sound.ids, sound.vectors, None, None).vectors, sound.vectors
    )
    np.testing.assert_array_equal(space.place_songs(sound.ids, None, plays, None).vectors[1], [0, 0, 0])
    with pytest.raises(UserError, match="listeners of this factorization were not kept"):
        space.training_listeners()


def test_shares_of_a_score_add_up_to_it() -> None:
    rng = np.random.default_rng(1)
    home = placed(ids("a", "b", "c", "d"), rng)
    space = SharedWmf(home.vectors.T @ home.vectors, home, WMF)
    here, song = home.only(np.array([True, True, False, False])), rng.standard_normal(3).astype(np.float32)
    listener = space.place_listeners(plays_of(here.ids, np.array([3, 1])), here).vectors[0]
    shares = space.explainer(here).explain("me", np.array([0, 1]), np.array([3, 1], np.float32), song)
    assert shares is not None
    np.testing.assert_allclose(shares.shares.sum(), listener @ song, rtol=1e-4)
