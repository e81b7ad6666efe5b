"""Genres on songs whose factors a reader can average."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from earshot.baselines.known import Known
from earshot.baselines.metadata_genre import has_genre, metadata_genre
from tests.baselines.heard_songs import known_of, write_known

WARM = {"dub": [1.0, 0.0], "folk": [0.0, 4.0], "": [9.0, 9.0]}


@pytest.fixture
def known(tmp_path: Path) -> Known:
    """Ten warm songs of either genre, whose factors differ by nothing else, five without, then cold ones."""
    genres = ["Dub"] * 10 + ["Folk"] * 10 + [""] * 5
    cold = [" folk;", "dub ; FOLK", None, "never heard of"]
    songs = known_of(write_known(tmp_path)).songs.head(29).assign(genres=[*genres, *cold])
    targets = np.array([WARM[genre.lower()] for genre in genres], dtype=np.float32)
    return replace(known_of(tmp_path), songs=songs, learn=np.arange(29) < 25, targets=targets)


def test_a_song_of_one_genre_gets_the_mean_of_that_genre(known: Known) -> None:
    predicted = metadata_genre(known)
    assert predicted.dtype == np.float32
    assert_allclose(predicted[:10], np.tile(WARM["dub"], (10, 1)), atol=1e-4)
    assert_allclose(predicted[[10, 25]], np.tile(WARM["folk"], (2, 1)), atol=1e-4)


def test_a_song_without_a_genre_known_from_others_gets_the_mean_of_all(known: Known) -> None:
    mean = (10 * np.array(WARM["dub"]) + 10 * np.array(WARM["folk"]) + 5 * np.array(WARM[""])) / 25
    assert_allclose(metadata_genre(known)[[20, 27, 28]], np.tile(mean, (3, 1)), rtol=1e-5)
    assert_array_equal(np.flatnonzero(~has_genre(known)), [20, 21, 22, 23, 24, 27, 28])


def test_no_genre_at_all_is_the_mean_for_everybody(known: Known) -> None:
    nothing = replace(known, songs=known.songs.assign(genres=""))
    assert_allclose(metadata_genre(nothing), np.tile(known.targets.mean(axis=0), (29, 1)))
    assert not has_genre(nothing).any()
