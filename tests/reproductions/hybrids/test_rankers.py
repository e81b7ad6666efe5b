"""Lists that a reader can make by hand, and neighbourhoods against loops over listeners and songs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from hybrids.item_knn import ItemKnn, heard_together
from hybrids.rankers import Cascade, Mixed, Products, SwitchingByListener

EVERY = np.arange(5)
ONE = np.zeros(1, np.int64)


def ranking(*order: str) -> Products:
    """Of the songs a to e, for one listener."""
    scores = [-order.index(song) for song in "abcde"]
    return Products(np.ones((1, 1)), np.array(scores, float)[:, None])


def order_of(ranker: Mixed | Cascade | SwitchingByListener) -> str:
    scores = ranker.rank(ONE, EVERY)[0]
    return "".join("abcde"[song] for song in np.argsort(-scores, kind="stable"))


def test_lists_laid_into_each_other() -> None:
    assert order_of(Mixed(ranking(*"abcde"), ranking(*"edcba"))) == "aebdc"
    assert order_of(Mixed(ranking(*"abcde"), ranking(*"abcde"))) == "abcde"
    assert order_of(Mixed(ranking(*"abcde"), ranking(*"bacde"))) == "abcde"
    assert order_of(Mixed(ranking(*"abcde"), ranking(*"dbeac"))) == "adbce"


def test_a_cascade_orders_the_first_of_a_list_anew() -> None:
    assert order_of(Cascade(ranking(*"abcde"), ranking(*"edcba"), 0.6)) == "cbade"
    assert order_of(Cascade(ranking(*"abcde"), ranking(*"edcba"), 0.5)) == "cbade"  # of 5 songs 3
    assert order_of(Cascade(ranking(*"abcde"), ranking(*"edcba"), 1.0)) == "edcba"
    assert order_of(Cascade(ranking(*"abcde"), ranking(*"edcba"), 0.2)) == "abcde"


def test_a_listener_with_enough_songs_has_the_second_list() -> None:
    first, second = ranking(*"abcde"), ranking(*"edcba")
    assert order_of(SwitchingByListener(first, second, np.array([3]), 4)) == "abcde"
    assert order_of(SwitchingByListener(first, second, np.array([3]), 3)) == "edcba"


@given(seed=st.integers(0, 10_000), k=st.integers(1, 8))
@settings(max_examples=30)
def test_neighbourhoods_as_loops(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    plays = (rng.random((7, 8)) < 0.4) * rng.integers(1, 9, (7, 8))
    ranker = ItemKnn.of(csr_array(plays.astype(np.float32)), k)
    who = [set(np.flatnonzero(plays[:, song]).tolist()) for song in range(8)]

    def similarity(i: int, j: int) -> float:
        return len(who[i] & who[j]) / np.sqrt(len(who[i]) * len(who[j])) if who[i] and who[j] else 0.0

    wanted = np.zeros((7, 8))
    for i in range(8):
        others = sorted((j for j in range(8) if j != i), key=lambda j: (-round(similarity(i, j), 12), j))[:k]
        for u in range(7):
            wanted[u, i] = sum(similarity(i, j) for j in others if plays[u, j])
    some = np.array([4, 0, 7])
    np.testing.assert_allclose(ranker.rank(np.arange(7), some), wanted[:, some], atol=1e-12)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30)
def test_songs_heard_together_as_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    users, songs, seconds = (rng.integers(0, most, 25) for most in (4, 5, 200))
    wanted = np.zeros((5, 5))
    for u in range(4):
        for i in range(5):
            for j in range(5):
                ours, theirs = (seconds[(users == u) & (songs == song)] for song in (i, j))
                near = any(abs(a - b) <= 30 for a in ours.tolist() for b in theirs.tolist())
                wanted[i, j] += near and i != j
    np.testing.assert_array_equal(heard_together(users, songs, seconds, 5, within=30).toarray(), wanted)


def test_a_song_that_is_heard_with_another_is_nearer_than_one_that_is_heard_as_often() -> None:
    """Both listeners have played all songs; 0 and 1 in one evening, 2 a day later."""
    users, songs = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2, 0, 1, 2])
    seconds = np.array([0, 600, 90_000, 100, 1_500, 90_000])
    plays = csr_array(np.ones((2, 3), np.float32))
    near = ItemKnn.of(plays, 2, heard_together(users, songs, seconds, 3)).neighbours.toarray()
    assert near[0, 1] == pytest.approx(2 * near[0, 2])
    plain = ItemKnn.of(plays, 2).neighbours.toarray()
    assert plain[0, 1] == plain[0, 2]
