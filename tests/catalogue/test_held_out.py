"""Plays that are held out: shares by hand, the last ones by their dates, the same ones after a delivery."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from earshot.catalogue.held_out import held_out_plays
from earshot.catalogue.play_counts import PlayCounts


def plays_of(matrix):
    users, songs = (np.array([f"{side}{n}" for n in range(size)], dtype=object)
                    for side, size in zip("us", matrix.shape, strict=True))  # fmt: skip
    return PlayCounts(users, songs, csr_array(matrix, dtype=np.float32))


def test_a_share_of_every_listener_rounded_up_and_never_all():
    plays = plays_of(np.tri(12))  # listener n has played n + 1 songs
    held_out = held_out_plays(plays, 0.25)
    of_each = np.add.reduceat(held_out, plays.matrix.indptr[:-1])
    assert of_each.tolist() == [0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]


def test_the_last_ones_of_a_listener_all_of_whose_plays_are_dated():
    plays = plays_of(np.ones((2, 4)))
    dates = np.array([40, 10, 30, 20, 40, 10, -1, 20])  # one of the second listener's has no date
    assert held_out_plays(plays, 0.5, dates)[:4].tolist() == [True, False, True, False]
    np.testing.assert_array_equal(held_out_plays(plays, 0.5, dates)[4:], held_out_plays(plays, 0.5)[4:])


def test_of_the_same_second_as_many_as_wanted():
    plays = plays_of(np.ones((1, 6)))
    assert held_out_plays(plays, 0.5, np.full(6, 7)).sum() == 3


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(0.01, 0.9))
def test_ids_alone_decide_and_each_pair_is_as_likely(seed, share):
    matrix = csr_array(random_array((30, 50), density=0.3, rng=seed, format="csr") > 0)
    plays = plays_of(matrix)
    held_out = held_out_plays(plays, share)
    order = np.random.default_rng(seed).permutation(30)
    moved = PlayCounts(plays.user_ids[order], plays.song_ids, csr_array(plays.matrix[order]))
    again = csr_array((held_out_plays(moved, share), moved.matrix.indices, moved.matrix.indptr), matrix.shape)
    same = csr_array((held_out, plays.matrix.indices, plays.matrix.indptr), matrix.shape)
    np.testing.assert_array_equal(again.toarray(), same.toarray()[order])


def test_every_song_is_held_out_about_as_often():
    held_out = held_out_plays(plays_of(np.ones((2000, 40))), 0.25).reshape(2000, 40)
    assert abs(held_out.mean(axis=0) - 0.25).max() < 4 * np.sqrt(0.25 * 0.75 / 2000)
