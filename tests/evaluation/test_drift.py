"""Chance is drawn as it falls: like deliveries are called drifted about as often as asked, others always."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from earshot.evaluation.drift import DescribedSongs, Reference, draw

LEVEL = 0.1
REPEATS = 100


def songs(n_artists: int, each: int, rng: np.random.Generator, shift: float = 0.0) -> DescribedSongs:
    """`each` songs of every artist; songs of one artist are alike."""
    artists = np.repeat(rng.standard_normal((n_artists, 6)), each, axis=0)
    statistics = shift + artists + rng.standard_normal((n_artists * each, 6))
    names = np.repeat([f"a{n}" for n in range(n_artists)], each).astype(object)
    return DescribedSongs(names, statistics, {"loudness": statistics[:, 0]})


@pytest.mark.parametrize(("n_artists", "each"), [(20, 1), (5, 4), (60, 4)])
def test_like_deliveries_are_called_drifted_about_as_often_as_asked(n_artists: int, each: int) -> None:
    rng = np.random.default_rng(20131205)
    alarms = np.zeros(2)
    for seed in range(REPEATS):
        reference = Reference(songs(60, 4, rng), draws=200, seed=seed, level=LEVEL)
        alarms += [line.drifted for line in reference.compare(songs(n_artists, each, rng))]
    # three standard errors of a share of 0.1 in 100 are 0.09
    assert (alarms / REPEATS <= LEVEL + 0.09).all()
    assert alarms[1] / REPEATS >= LEVEL - 0.09


def test_a_shift_is_seen_in_a_few_songs() -> None:
    rng = np.random.default_rng(1)
    reference = Reference(songs(60, 4, rng), draws=400, seed=0, level=0.01)
    assert all(line.drifted for line in reference.compare(songs(10, 1, rng, shift=3.0)))


def test_songs_of_one_artist_are_drawn_from_one_artist() -> None:
    known = np.array(["x", "x", "x", "y", "y", "y", "z"], dtype=object)
    drawn = draw(np.array(["new"] * 3, dtype=object), known, 300, np.random.default_rng(0))
    one_artist_each = {(1, 1, 1, 0, 0, 0, 0), (0, 0, 0, 1, 1, 1, 0), (0, 0, 0, 0, 0, 0, 3)}
    assert {tuple(row) for row in np.rint(3 * drawn).astype(int).tolist()} == one_artist_each
    assert_allclose(drawn.sum(axis=1), 1, rtol=1e-6)
    assert_allclose((drawn[:, 0] > 0).mean(), 3 / 7, atol=0.1)
