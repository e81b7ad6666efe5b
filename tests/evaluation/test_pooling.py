"""Folds and seeds pooled: the mean over all users, and an artist is deleted wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.intervals import Replicates
from earshot.evaluation.protocol import METRICS, Result, System, chance, evaluate, measure, pool


def result(values: list[float], artists: list[str], means: list[float], users: list[int]) -> Result:
    """The same in every metric."""
    left = Replicates(np.array(means), np.array(users))
    nothing, ids = np.empty(0), np.array(artists, dtype=object)
    return Result(
        dict.fromkeys(METRICS, np.array(values)), dict.fromkeys(METRICS, left), nothing, nothing, ids
    )


def test_users_weigh_alike_and_an_artist_leaves_every_fold() -> None:
    """a in the first fold alone, b in both, c in the second alone: without it nobody is left there."""
    one = result([0.5, 0.7, np.nan], ["a", "b"], [0.7, 0.4], [1, 2])
    other = result([0.9], ["b", "c"], [0.8, np.nan], [1, 0])
    pooled = pool([one, other])
    assert pooled.value("auc") == pytest.approx((0.5 + 0.7 + 0.9) / 3)
    assert pooled.artist_ids.tolist() == ["a", "b", "c"]
    replicates = pooled.replicates["auc"]
    np.testing.assert_allclose(replicates.means, [(0.7 + 0.9) / 2, (2 * 0.4 + 0.8) / 3, (0.5 + 0.7) / 2])
    assert replicates.users.tolist() == [2, 3, 2]


def fold(rng: np.random.Generator, relevant: np.ndarray, songs: np.ndarray) -> tuple[System, ColdStart]:
    """A question about some of the songs, of which each artist has four, side by side."""
    users = np.flatnonzero(relevant[:, songs].any(axis=1))
    artists = np.array([f"artist {song // 4:02d}" for song in songs], dtype=object)
    asked = ColdStart(
        songs.astype(object), artists, np.ones(len(songs), bool), users, csr_array(relevant[users][:, songs])
    )
    return System(rng.standard_normal((len(relevant), 3)), rng.standard_normal((len(songs), 3))), asked


@pytest.fixture
def folds() -> list[tuple[System, ColdStart]]:
    """80 songs of 20 artists in three folds `by: song`, for 40 listeners; most artists stand in several."""
    rng = np.random.default_rng(0)
    relevant, place = rng.random((40, 80)) < 0.06, rng.integers(0, 3, 80)
    return [fold(rng, relevant, np.flatnonzero(place == number)) for number in range(3)]


def test_replicates_are_those_of_folds_without_the_artist(folds: list[tuple[System, ColdStart]]) -> None:
    pooled = pool([evaluate(system, asked, k=5) for system, asked in folds])
    for row, artist in enumerate(pooled.artist_ids):
        values = []
        for system, asked in folds:
            kept = asked.artist_ids != artist
            inside = System(system.user_vectors, system.item_vectors[kept])
            values.append(measure(inside, asked.only(kept), k=5))
        for metric in (
            "map",
            "auc",
            "ndcg",
        ):  # of fewer songs recall looks less deep; fewer users have another mean
            expected = np.nanmean(np.concatenate([found.per_user[metric] for found in values]))
            assert pooled.replicates[metric].means[row] == pytest.approx(expected)


def test_the_same_answer_twice_is_as_sure_as_once(folds: list[tuple[System, ColdStart]]) -> None:
    once = pool([evaluate(system, asked) for system, asked in folds])
    twice = pool([once, once])
    assert twice.interval("auc") == pytest.approx(once.interval("auc"))
    assert np.isfinite(chance(twice, once))
