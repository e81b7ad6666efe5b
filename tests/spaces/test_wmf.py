"""Places in the space of a factorization against the equations they come from, solved densely."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.recommend.serving import serve
from earshot.spaces.placing import Ids, Placed, Vectors, columns_of
from earshot.spaces.wmf import WmfSpace
from tests.spaces.spaces import WMF, ids, placed

N0 = 10.0


def space(user_ids: Ids, users: Vectors) -> WmfSpace:
    """A factorization of these listeners, and of no song that is asked about."""
    return WmfSpace(Placed(user_ids, users), Placed(ids(), users[:0]), WMF)


def plays() -> PlayCounts:
    counts = [[0, 2, 1, 0], [1, 0, 3, 0], [0, 0, 4, 1]]
    return PlayCounts(ids("a", "b", "c"), ids("1", "2", "3", "4"), csr_array(np.array(counts, np.float32)))


def test_columns_come_in_the_wanted_order_and_unknown_ones_are_empty() -> None:
    picked = columns_of(plays().matrix, plays().song_ids, ids("3", "new", "1"))
    assert picked.toarray().tolist() == [[1, 0, 0], [3, 0, 1], [4, 0, 0]]


def test_a_song_nobody_played_is_what_it_sounds_like() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.standard_normal((2, 3)).astype(np.float32)
    users = space(ids("a", "b"), rng.random((2, 3), np.float32))
    assert np.array_equal(users.place_songs(ids("new", "5"), predicted, plays(), N0).vectors, predicted)


def test_a_played_song_solves_the_equation_of_its_known_listeners() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 2)).astype(np.float32)  # of listeners b, c and z; a is unknown
    predicted = rng.standard_normal((1, 2)).astype(np.float32)
    served = space(ids("b", "c", "z"), x).place_songs(ids("3"), predicted, plays(), N0).vectors
    c = 1 + 2.0 * np.log(1 + np.array([3.0, 4.0]))  # b played it 3 times, c 4 times
    prior = x.T @ x + 3.0 * np.eye(2)
    left = prior + sum((c[n] - 1) * np.outer(x[n], x[n]) for n in range(2))
    right = sum(c[n] * x[n] for n in range(2)) + 8 / 10 * prior @ predicted[0]
    assert np.allclose(served[0], np.linalg.solve(left, right), rtol=1e-5)


def test_listeners_are_solved_against_the_songs_given_and_no_others() -> None:
    rng = np.random.default_rng(2)
    y = rng.standard_normal((2, 2)).astype(np.float32)  # of songs 2 and 3
    served = space(ids(), y[:0]).place_listeners(plays(), Placed(ids("2", "3"), y)).vectors
    c = 1 + 2.0 * np.log(1 + np.array([2.0, 1.0]))  # listener a
    left = y.T @ y + 3.0 * np.eye(2) + sum((c[n] - 1) * np.outer(y[n], y[n]) for n in range(2))
    assert np.allclose(served[0], np.linalg.solve(left, sum(c[n] * y[n] for n in range(2))), rtol=1e-5)
    only_first = space(ids(), y[:0]).place_listeners(plays(), Placed(ids("1"), y[:1])).vectors
    assert only_first[0].tolist() == only_first[2].tolist() == [0.0, 0.0]


def test_new_songs_are_served_as_if_they_had_always_been_there() -> None:
    rng = np.random.default_rng(3)
    users = space(ids("a", "b"), rng.standard_normal((2, 3)).astype(np.float32))
    heard = placed(ids("1", "2", "5", "6"), rng)
    whole = serve(plays(), heard, users, N0, earlier=None)
    before = serve(plays(), heard.only(np.arange(4) < 3), users, N0, earlier=None)
    merged = serve(plays(), heard, users, N0, earlier=before)
    assert whole.song_ids.tolist() == ["1", "2", "3", "5", "6"]  # of 4 nothing is known to the release
    assert whole.n_listeners.tolist() == [1, 1, 3, 0, 0]
    for one, other in zip(vars(whole).values(), vars(merged).values(), strict=True):
        assert np.array_equal(one, other)
