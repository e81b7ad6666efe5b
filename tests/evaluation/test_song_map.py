"""Where songs lie on the map."""

from __future__ import annotations

import numpy as np
import pytest

from earshot.evaluation.song_map import lay_out


def test_alike_songs_lie_together_and_always_at_the_same_place():
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((4, 20)).repeat(20, axis=0)
    vectors = centres + 0.05 * rng.standard_normal((80, 20))
    places = lay_out(vectors, seed=0)
    np.testing.assert_array_equal(places, lay_out(vectors, seed=0))
    assert (places.min(), places.max()) == (3, 97)
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    group = np.arange(80) // 20
    assert (group[distances.argmin(axis=1)] == group).all()


@pytest.mark.parametrize("vectors", [np.zeros((60, 5)), np.eye(2), np.ones((1, 3))])
def test_a_map_of_next_to_nothing(vectors):
    assert np.isfinite(lay_out(vectors, seed=0)).all()
