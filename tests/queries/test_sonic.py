"""Ways from song to song, against every way there is."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from earshot.queries.sonic import find_path


def _by_hand(vectors: NDArray[np.float64], count: int) -> tuple[int, float]:
    """Songs of the longest way that keeps to the rules, and the least sum of squared angles of such."""
    last = len(vectors) - 1
    direct = vectors[0] @ vectors[last]
    for n_between in range(min(count, len(vectors)) - 2, 0, -1):
        sums = []
        for chosen in combinations(range(1, last), n_between):
            for order in permutations(chosen):
                way = [0, *order, last]
                steps = list(pairwise(way))
                onward = all(
                    (vectors[b] - vectors[a]) @ (vectors[last] - vectors[0]) > 1e-12 for a, b in steps
                )
                if onward and all(vectors[a] @ vectors[b] >= direct for a, b in steps):
                    sums.append(
                        sum(np.arccos(np.clip(vectors[a] @ vectors[b], -1, 1)) ** 2 for a, b in steps)
                    )
        if sums:
            return n_between + 2, min(sums)
    return 2, float(np.arccos(np.clip(direct, -1, 1)) ** 2)


@settings(max_examples=60)
@given(
    n_songs=st.integers(2, 7),
    count=st.integers(2, 8),
    d=st.integers(2, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_is_the_smoothest_of_all_ways(n_songs: int, count: int, d: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((n_songs, d)) + 0.7
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    path = find_path(vectors, count)
    assert (path[0], path[-1]) == (0, n_songs - 1)
    assert len(set(path.tolist())) == len(path) <= count
    steps = [float(vectors[a] @ vectors[b]) for a, b in pairwise(path)]
    assert min(steps) >= vectors[0] @ vectors[-1] - 1e-12  # no step less similar than the direct pair
    length, least = _by_hand(vectors, count)
    assert len(path) == length
    assert np.isclose((np.arccos(np.clip(steps, -1, 1)) ** 2).sum(), least)


def test_where_no_song_is_between_the_way_is_direct() -> None:
    """Two ends, and songs on the other side of both."""
    angles = np.radians([0, 200, 250, 40])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert find_path(vectors, 25).tolist() == [0, 3]
