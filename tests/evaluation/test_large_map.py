"""The map of more songs than t-SNE takes, against sums over all landmarks written out."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from earshot.evaluation import large_map
from earshot.evaluation.large_map import lay_out_many
from earshot.evaluation.song_map import lay_out


def look_alikes(n: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.standard_normal((4, 20)).repeat(n // 4, axis=0) + 0.3 * rng.standard_normal((n, 20))


def test_where_all_songs_are_landmarks_it_is_the_map_of_the_report():
    vectors = look_alikes(80)
    np.testing.assert_array_equal(lay_out_many(vectors, np.arange(80), 0), lay_out(vectors, 0))


def test_other_songs_lie_among_those_that_they_are_like_and_move_none():
    vectors = look_alikes(240)
    landmarks = np.arange(0, 240, 2)
    places = lay_out_many(vectors, landmarks, 0)
    np.testing.assert_array_equal(places, lay_out_many(vectors, landmarks, 0))
    assert places.min() >= 3
    assert places.max() <= 97
    distances = np.linalg.norm(places[1::2, None] - places[landmarks], axis=2)
    group = np.arange(240) // 60
    assert (group[landmarks][distances.argmin(axis=1)] == group[1::2]).all()
    fewer = np.delete(np.arange(240), 1)  # without one of the others
    there = lay_out_many(vectors[fewer], np.flatnonzero(np.isin(fewer, landmarks)), 0)
    gaps = [a[1:] - a[:-1] for a in (there, np.delete(places, 1, axis=0))]  # but for how both fill the map
    assert np.corrcoef(np.ravel(gaps[0]), np.ravel(gaps[1]))[0, 1] > 0.999


def divergence(at: np.ndarray, fixed: np.ndarray, shares: np.ndarray) -> float:
    """KL(P || Q) of one song at `at`."""
    kernel = 1 / (1 + ((at - fixed) ** 2).sum(axis=1))
    some = shares > 0
    return float((shares[some] * np.log(shares[some] / (kernel / kernel.sum())[some])).sum())


def gaussian(squared: np.ndarray) -> np.ndarray:
    """P over the nearest 30 of all landmarks, of perplexity 10."""

    def shares(beta: float) -> np.ndarray:
        weights = np.where(squared <= np.sort(squared)[29], np.exp(-beta * (squared - squared.min())), 0)
        return weights / weights.sum()

    def entropy(beta: float) -> float:
        found = shares(beta)[shares(beta) > 0]
        return float(-(found * np.log(found)).sum() - np.log(10))

    return shares(brentq(entropy, 1e-3, 1e6))


def test_a_song_rests_where_nothing_nearby_is_better():
    vectors = look_alikes(200)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    fixed = large_map.embed(unit[::2].astype(np.float64), 0)
    field = large_map._Field(fixed)
    places = large_map._settle((unit[1::2] @ unit[::2].T).astype(np.float32), fixed, field)
    around = 0.5 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    for song in range(0, 100, 9):
        shares = gaussian(((unit[1::2][song] - unit[::2]) ** 2).sum(axis=1))
        here = divergence(places[song], fixed, shares)
        assert here < min(divergence(places[song] + step, fixed, shares) for step in around) + 1e-3


def test_next_to_nothing():
    for vectors in (np.zeros((60, 5)), np.eye(3), np.ones((2, 3))):
        assert np.isfinite(lay_out_many(vectors, np.arange(0, len(vectors), 2), 0)).all()
