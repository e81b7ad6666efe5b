"""Errors by hand, and held-out plays of known songs as a ranking."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from wang_2014_hldbn.errors import add_up, describe, difference
from wang_2014_hldbn.fitting import Fitted
from wang_2014_hldbn.pairs import ask
from wang_2014_hldbn.pretraining_gain import describe_gain
from wang_2014_hldbn.told import ask_of_known, of_known


def test_errors_of_two_runs_by_hand() -> None:
    runs = [np.array(["a", "b"], dtype=object), np.array(["a"], dtype=object)]
    errors = add_up(runs, [np.array([0.09, 0.16]), np.array([0.07])])
    assert errors.value == pytest.approx(np.sqrt(0.32 / 3))
    np.testing.assert_allclose(errors.replicates, [np.sqrt(0.16), np.sqrt(0.16 / 2)])


def test_intervals_are_of_every_artist_left_out_and_need_enough_artists() -> None:
    rng = np.random.default_rng(0)
    artists, one, other = (
        rng.integers(0, 25, 300).astype(str).astype(object),
        rng.random(300),
        rng.random(300),
    )
    left = [
        np.sqrt(one[artists != who].mean()) - np.sqrt(other[artists != who].mean()) for who in set(artists)
    ]
    half = 2.0639 * np.sqrt(24 / 25 * np.square(left - np.mean(left)).sum())  # t, 24 degrees of freedom
    found = difference(add_up([artists], [one]), add_up([artists], [other]))
    assert found.high - found.value == pytest.approx(half, rel=1e-4)
    few = add_up([np.array(["a", "b"], dtype=object)], [np.array([0.1, 0.2])])
    described = describe({"x": few}, "x")["x"]
    assert described["rmse_ci95_artists"] == [None, None]
    assert described["minus_x"] == 0


def test_the_gain_of_three_seeds_by_hand() -> None:
    values = {"hldbn": {"auc": [0.7, 0.72, 0.74]}, "hldbn_random": {"auc": [0.69, 0.7, 0.71]}}
    found = describe_gain(values, "auc")
    assert found["auc"] == pytest.approx(0.02)
    assert found["deviation"] == pytest.approx(0.01)
    # t with 2 degrees of freedom: 4.3027 * 0.01 / sqrt(3)
    assert found["auc_ci95_seeds"] == pytest.approx([0.02 - 0.024841, 0.02 + 0.024841], abs=1e-5)


def test_known_songs_are_ranked_without_what_was_learned_from() -> None:
    plays = csr_array((np.random.default_rng(0).random((30, 12)) < 0.6).astype(np.float32))
    cold, stop = csr_array(np.eye(30, 12, dtype=np.float32)[::-1] * 0), np.arange(12) == 0
    asked = ask(plays, stop, cold, np.zeros((12, 1), np.float32), (0.3, 0.1), np.random.default_rng(1))
    songs = asked.pool[::-1]
    names = np.array([f"s{n:02}" for n in range(12)], dtype=object)
    question = ask_of_known(asked, songs, names, names)
    assert question.song_ids.tolist() == names[songs].tolist()
    wanted = {(u, f"s{v:02}") for u, v, r in zip(*asked.warm, strict=True) if r == 1}
    rows, columns = question.positives.nonzero()
    found = {(int(question.users[u]), question.song_ids[v]) for u, v in zip(rows, columns, strict=True)}
    assert found == {(u, song) for u, song in wanted if u in question.users}
    assert not (question.positives.toarray() & question.revealed.toarray()).any()
    both = question.positives.toarray() | question.revealed.toarray()
    np.testing.assert_array_equal(both, plays.toarray()[question.users][:, songs] > 0)
    fitted = Fitted(*(np.ones((n, 2), np.float32) for n in (30, 12, 30, 12)))
    assert of_known(fitted, songs).item_vectors.shape == (11, 4)
