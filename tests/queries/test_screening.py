"""Screening in float32 gives the lists of float64, whatever the vectors are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

from earshot.queries.screening import Asked, Screen
from earshot.recommend.ranking import ArtistCap, rank_songs


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 400),
    d=st.integers(1, 20),
    k=st.integers(1, 30),
    most=st.none() | st.integers(1, 3),
    digits=st.sampled_from([0, 1, 9]),  # rounded: very many ties
    spread=st.sampled_from([0.0, 1e-7, 1.0]),  # around a large mean: products that float32 cannot tell apart
)
def test_lists_are_those_of_rank_songs(
    seed: int, n: int, d: int, k: int, most: int | None, digits: int, spread: float
) -> None:
    draw = np.random.default_rng(seed)
    songs = (
        1 + spread * draw.normal(size=(n, d)) if spread < 1 else draw.normal(size=(n, d)).round(digits)
    ) * 3
    songs, users = songs.astype(np.float32), draw.normal(size=(3, d)).round(digits).astype(np.float32)
    played = draw.random((3, n)) < draw.choice([0.0, 0.1, 0.9])
    cap = None if most is None else ArtistCap(draw.integers(0, max(1, n // 4), n), most)
    (expected,) = rank_songs(users, songs, csr_array(played.astype(np.float32)), np.ones(n, bool), k, cap)
    asked = [
        Asked(vector, np.flatnonzero(left_out), k, cap)
        for vector, left_out in zip(users, played, strict=True)
    ]
    for user, ranked in enumerate(Screen(songs).best(asked)):
        own = expected.users == user
        assert_array_equal(ranked.items, expected.items[own])
        assert_array_equal(ranked.scores, expected.scores[own])
        assert_array_equal(ranked.ranks, expected.ranks[own])
