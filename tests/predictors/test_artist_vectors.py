"""Where an artist's other songs are: against loops, and back from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.errors import UserError
from earshot.predictors.artist_vectors import ARTISTS, ArtistVectors, artist_vectors, read_artist_vectors

ARTISTS_OF_SONGS = st.lists(st.sampled_from(["", "a", "b", "ü"]), min_size=1, max_size=12)


@given(ARTISTS_OF_SONGS, st.integers(0, 9))
def test_each_song_has_the_shrunk_mean_of_its_artists_others(names: list[str], seed: int) -> None:
    factors = np.random.default_rng(seed).normal(size=(len(names), 2)).astype(np.float32)
    songs = [f"song-{n}" for n in range(len(names))]
    words = [[name] if name else [] for name in names]
    found = artist_vectors(songs, words, factors)
    centre = factors.astype(float).mean(axis=0)
    spread = np.sqrt(((factors - centre) ** 2).mean()) or 1.0

    def expected(artist: str, without: int | None) -> list[float]:
        others = [n for n, name in enumerate(names) if name == artist and n != without]
        if not artist or not others:
            return [0.0, 0.0, 0.0]
        n = len(others)
        mean = factors[others].astype(float).mean(axis=0)
        return [*((mean - centre) / spread * n / (n + 1)), n / (n + 1)]

    of_songs = found.of(songs, words)
    np.testing.assert_allclose(
        of_songs, [expected(name, n) for n, name in enumerate(names)], rtol=1e-5, atol=1e-6
    )
    new = found.of(["new"] * 4, [["a"], ["b"], ["nobody"], []])
    wanted = [expected("a", None), expected("b", None), [0.0] * 3, [0.0] * 3]
    np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=1e-6)


def test_a_song_whose_artist_is_known_to_be_another_now_has_that_ones(tmp_path: Path) -> None:
    found = artist_vectors(["s", "t"], [["a"], ["b"]], np.array([[0], [4]], np.float32))
    found.save(tmp_path)
    again = read_artist_vectors(tmp_path)
    assert again.width == 2
    for vectors in (found, again):
        # learned from, and the artist's only song: nothing is known; a new song is at -1 by a half
        np.testing.assert_allclose(vectors.of(["s", "new"], [["a"], ["a"]]), [[0, 0], [-0.5, 0.5]])


@pytest.mark.parametrize("damage", ["cut", "rows", "gone", "kind"])
def test_files_that_do_not_fit_are_named(tmp_path: Path, damage: str) -> None:
    found = artist_vectors(["s", "t"], [["a"], ["b"]], np.array([[0], [4]], np.float32))
    found.save(tmp_path)
    array = tmp_path / ARTISTS[0]
    if damage == "cut":
        array.write_bytes(array.read_bytes()[:-5])
    elif damage == "rows":
        np.save(array, found.vectors[1:])
    elif damage == "kind":
        np.save(array, found.vectors.astype(np.float64))
    else:
        (tmp_path / ARTISTS[1]).unlink()
    with pytest.raises(UserError, match=r"encoder\.artists\.npy"):
        read_artist_vectors(tmp_path)


def test_nobody_is_named() -> None:
    found = artist_vectors(["s"], [[]], np.array([[1]], np.float32))
    assert isinstance(found, ArtistVectors)
    np.testing.assert_array_equal(found.of(["s", "t"], [[], ["a"]]), np.zeros((2, 2), np.float32))
