"""Recall, nDCG and hit rate of lists by hand, replicates against lists made without the group, make-up."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.evaluation.list_makeup import make_up, miscalibration
from earshot.evaluation.list_quality import JudgedLists, list_difference, look

LISTS = np.array([[3, 0, 1, -1], [2, 3, 0, 1], [4, -1, -1, -1]], dtype=np.int32)
PLAYED = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]], dtype=bool)


def asked(played=PLAYED, groups=(0, 1, 2, 3, 4), n_artists=20):
    return JudgedLists(csr_array(played), np.array(groups), n_artists)


def test_by_hand():
    found = look(LISTS, asked(), [1, 2, 3])
    nobody = np.nan  # the third listener has no positive
    expected = {
        ("recall", 1): [0 / 3, 0 / 1, nobody],
        ("recall", 2): [1 / 3, 1 / 1, nobody],
        ("recall", 3): [2 / 3, 1 / 1, nobody],
        ("hit_rate", 1): [0, 0, nobody],
        ("hit_rate", 3): [1, 1, nobody],
        ("ndcg", 2): [(1 / log2(3)) / (1 + 1 / log2(3)), 1 / log2(3), nobody],
        ("ndcg", 3): [(1 / log2(3) + 1 / 2) / (1 + 1 / log2(3) + 1 / 2), 1 / log2(3), nobody],
    }
    for key, values in expected.items():
        np.testing.assert_allclose(found.per_user[key], values, rtol=1e-15)
    assert found.value(("recall", 2)) == pytest.approx((1 / 3 + 1) / 2)


def random_lists(seed, n_users=40, n_songs=60, length=30):
    rng = np.random.default_rng(seed)
    lists = np.stack([rng.permutation(n_songs)[:length] for _ in range(n_users)]).astype(np.int32)
    lists[rng.random(n_users) < 0.3, -7:] = -1
    return lists, rng.random((n_users, n_songs)) < 0.1, rng.integers(0, 20, n_songs)


def test_a_replicate_is_what_lists_without_the_group_give():
    lists, played, groups = random_lists(0)
    found = look(lists, asked(played, groups), [5, 10])
    for group in range(20):
        left = [[song for song in own if song >= 0 and groups[song] != group] for own in lists]
        padded = np.array([own + [-1] * (lists.shape[1] - len(own)) for own in left], dtype=np.int32)
        without = look(padded, asked(played & (groups != group), groups), [5, 10])
        for key in found.replicates:
            assert found.replicates[key][group] == pytest.approx(without.value(key), rel=1e-12)


def test_differences_are_paired():
    lists, played, groups = random_lists(1)
    better = lists.copy()
    better[::4, 0] = [np.flatnonzero(own)[0] if own.any() else -1 for own in played[::4]]
    a, b = (look(each, asked(played, groups), [10]) for each in (better, lists))
    paired, alone = list_difference(a, b, ("recall", 10)), a.interval(("recall", 10))
    assert paired.value == pytest.approx(a.value(("recall", 10)) - b.value(("recall", 10)))
    assert 0 < paired.high - paired.low < alone.high - alone.low
    assert np.isnan(look(lists, asked(played, groups, n_artists=19), [10]).interval(("recall", 10)).low)


def test_known_and_new_songs_of_the_same_lists():
    new = np.array([False, True, False, False, False])
    question = asked()
    assert look(LISTS, question.only(new), [3]).per_user["recall", 3].tolist()[0] == 1 / 1
    assert (
        look(LISTS, question.only(~new), [3]).per_user["recall", 3].tolist()[0] == 1 / 2
    )  # of songs 0 and 2


def test_make_up_by_hand():
    vectors = np.array([[1.0, 0], [0, 1], [1, 0], [2, 0], [0, 3]])
    lists = np.array([[0, 1], [0, 2]], dtype=np.int32)
    new = np.array([False, True, False, False, False])
    found = make_up(lists, vectors, np.array([4, 0, 2, 2, 9]), new, k=2)
    assert found["coverage"] == 3 / 5
    # times 0, 0, 1, 1, 2: (sum (2 i - 6) x_i) / (5 * 4) = (0 + 2 + 8) / 20
    assert found["gini"] == (0 * 1 + 2 * 1 + 4 * 2) / 20
    assert found["new_songs"] == 1 / 4
    # shares below: 4 listeners 3.5 of 5, none 0.5 of 5, 2 listeners 2 of 5
    assert found["popularity"] == pytest.approx((3.5 / 5 + 0.5 / 5 + 3.5 / 5 + 2 / 5) / 4)
    assert found["diversity"] == pytest.approx(((1 - 0) + (1 - 1)) / 2)


def test_miscalibration_by_hand():
    genres = np.array([[1.0, 0], [0, 1], [1, 0]])
    history = np.array([[3.0, 1], [0, 0]])  # the second listener has played no song of a genre
    lists = np.array([[0, 2], [0, 1]], dtype=np.int32)
    mixed = np.array([0.99 * 1 + 0.01 * 0.75, 0.01 * 0.25])
    expected = 0.75 * log2(0.75 / mixed[0]) + 0.25 * log2(0.25 / mixed[1])
    assert miscalibration(lists, history, genres, k=2) == pytest.approx(expected)
    assert miscalibration(lists, np.array([[2.0, 0], [0, 0]]), genres, k=2) == pytest.approx(0, abs=1e-12)
