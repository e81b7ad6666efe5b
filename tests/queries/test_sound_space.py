"""Songs by the statistics of their sound: against plain numpy, and where there is little to go by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.errors import UserError
from earshot.queries.sound_space import DIRECTIONS, SoundSpace
from earshot.spaces.placing import Placed


def standardized(statistics: np.ndarray) -> np.ndarray:
    return (statistics - statistics.mean(axis=0)) / statistics.std(axis=0)


def test_cosines_are_those_of_the_standardized_statistics() -> None:
    statistics = np.random.default_rng(0).normal(100, [1, 5, 20], (40, 3)).astype(np.float32)
    plain = standardized(statistics.astype(float))
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    vectors = SoundSpace.of(statistics).place(statistics)
    assert vectors.shape == (40, 3)
    assert vectors @ vectors.T == pytest.approx(plain @ plain.T, abs=1e-5)


def test_of_many_statistics_the_directions_along_which_songs_vary_most_are_kept() -> None:
    rng = np.random.default_rng(1)
    statistics = rng.standard_normal((500, 10)) @ rng.standard_normal((10, 300))
    noisy = (statistics + 0.01 * rng.standard_normal(statistics.shape)).astype(np.float32)
    space = SoundSpace.of(noisy)
    assert space.directions.shape == (300, DIRECTIONS)
    plain = standardized(noisy.astype(float))
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    vectors = space.place(noisy)
    assert vectors @ vectors.T == pytest.approx(plain @ plain.T, abs=1e-3)


def test_a_statistic_that_all_songs_share_says_nothing_and_one_song_lies_nowhere() -> None:
    statistics = np.array([[1, 7], [2, 7], [3, 7]], dtype=np.float32)
    vectors = SoundSpace.of(statistics).place(statistics)
    assert (vectors @ vectors.T).round(6).tolist() == [[1, 0, -1], [0, 0, 0], [-1, 0, 1]]
    (alone,) = SoundSpace.of(statistics[:1]).place(statistics[:1])
    assert not alone.any()


def test_a_listener_is_in_the_middle_of_the_songs_however_often_each_was_played() -> None:
    songs = Placed(np.array(["a", "b", "c"], object), np.eye(3, dtype=np.float32))
    plays = PlayCounts(
        np.array(["x", "nobody"], object),
        np.array(["b", "elsewhere", "a"], object),
        csr_array(np.array([[1, 5, 9], [0, 3, 0]], np.float32)),
    )
    space = SoundSpace.of(np.random.default_rng(0).random((5, 3)).astype(np.float32))
    placed = space.place_listeners(plays, songs)
    assert placed.ids.tolist() == ["x", "nobody"]
    assert placed.vectors[0] == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    assert not placed.vectors[1].any()


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    statistics = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    space = SoundSpace.of(statistics)
    space.write(tmp_path / "space.npz")
    assert np.array_equal(SoundSpace.read(tmp_path / "space.npz").place(statistics), space.place(statistics))
    (tmp_path / "space.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"space\.npz: no space of sound"):
        SoundSpace.read(tmp_path / "space.npz")
