"""Fusion by vectors against z-scores of all scores, one listener at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from earshot.baselines.late_fusion import late_fusion


def z_scores(scores: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Standardized over the `counted` songs; 0 for the others, and where all scores are the same."""
    z = np.zeros(len(scores))
    if counted.any() and np.ptp(scores[counted]) > 1e-8:
        z[counted] = (scores[counted] - scores[counted].mean()) / scores[counted].std()
    return z


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.floats(0, 1))
def test_scores_are_the_sum_of_z_scores_and_0_where_a_song_has_no_genre(
    seed: int, n: int, d_genre: int, d_audio: int, share: float
) -> None:
    draw = np.random.default_rng(seed)
    genre = draw.normal(size=(5, d_genre)), draw.normal(3, 1, size=(n, d_genre))
    audio = draw.normal(size=(5, d_audio)).astype(np.float32), draw.normal(size=(n, d_audio))
    audio[0][0] = 0  # of whom nothing is known
    audio[1][:] = audio[1][0] if seed % 5 == 0 else audio[1]
    has_genre = draw.random(n) < share
    users, items = late_fusion(genre, audio, has_genre)
    for user in range(5):
        wanted = z_scores(genre[1] @ genre[0][user], has_genre)
        wanted += z_scores(audio[1] @ audio[0][user], np.ones(n, dtype=bool))
        assert_allclose(items @ users[user], wanted, atol=1e-6)


def test_by_eye() -> None:
    one = np.ones((1, 1))
    genre, audio = np.array([[1.0], [3], [50]]), np.array([[2.0], [2], [5]])
    users, items = late_fusion((one, genre), (one, audio), np.array([True, True, False]))
    root = np.sqrt(2)  # deviation of 2, 2, 5, whose mean is 3; of 1 and 3 it is 1
    assert_allclose(users @ items.T, [[-1 - 1 / root, 1 - 1 / root, 0 + 2 / root]], rtol=1e-12)


def test_the_factors_may_be_as_long_as_they_like() -> None:
    """A z-score does not know in what unit the scores were."""
    draw = np.random.default_rng(0)
    users, genre, audio = (draw.normal(size=shape) for shape in ((4, 3), (6, 3), (6, 3)))
    has_genre = np.arange(6) < 4
    one = late_fusion((users, genre), (users, audio), has_genre)
    other = late_fusion((1000 * users, genre), (users, audio / 1000), has_genre)
    assert_allclose(one[0] @ one[1].T, other[0] @ other[1].T, atol=1e-9)
    assert_array_equal(one[1][4:, :3], 0)
