"""Every system on one small catalogue: what it may know, what it hears, and that it says so again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from earshot.baselines.bag_of_words import bag_of_words
from earshot.baselines.linear import linear_bow, linear_modulation, linear_statistics, ridge
from earshot.baselines.metadata_genre import metadata_genre
from earshot.baselines.popularity import popularity
from earshot.errors import UserError
from earshot.extraction.statistics import row_statistics
from oord_2013.mlp_bow import mlp_bow
from oord_2013.mlr import mlr
from tests.baselines.heard_songs import COLD, change_cold_songs, heard, known_of, write_known
from tests.training.heard import N_SONGS, N_USERS

HEARING = [linear_bow, mlp_bow, linear_modulation, linear_statistics]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_known(tmp_path_factory.mktemp("known"))


def test_ridge_finds_a_line_from_the_songs_it_may_learn_from() -> None:
    features = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    targets = features @ np.array([[1.0, 0], [0, 2], [3, 3]], dtype=np.float32) + 5
    learn = np.arange(50) < 30
    assert_allclose(ridge(features, targets[learn], learn), targets, atol=1e-3)


def test_known_are_the_plays_and_factors_of_warm_songs_alone(folder: Path) -> None:
    known = known_of(folder)
    assert_array_equal(known.learn, ~COLD)
    assert_array_equal(known.targets, heard(folder)[~COLD])
    played = np.diff(known.plays.tocsc().indptr)
    assert known.plays.shape == (N_USERS, N_SONGS)
    assert (played[~COLD] > 0).all()
    assert (played[COLD] == 0).all()
    assert known.plays[[0], [1]] > 0  # listener 0 played every song
    assert known.validation.sum() == 9
    assert not known.validation[COLD].any()


@pytest.mark.parametrize("system", HEARING)
def test_it_hears_what_the_factors_of_cold_songs_are(folder: Path, system) -> None:
    predicted = system(known_of(folder))
    assert predicted.dtype == np.float32
    assert predicted.shape == (N_SONGS, 2)
    assert np.corrcoef(predicted[COLD, 1], heard(folder)[COLD, 1])[0, 1] > 0.8
    assert_allclose(predicted[COLD].mean(axis=0), heard(folder)[COLD].mean(axis=0), atol=0.05)


@pytest.mark.parametrize("system", [*HEARING, metadata_genre, mlr])
def test_plays_of_cold_songs_change_nothing_and_the_same_seed_gives_the_same(
    folder: Path, tmp_path: Path, system, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oord_2013.mlr._SLACK_WEIGHTS", (1.0, 30.0))
    change_cold_songs(write_known(tmp_path))
    before, after = system(known_of(folder)), system(known_of(tmp_path))
    for one, other in zip(*(made if system is mlr else [made] for made in (before, after)), strict=True):
        assert_array_equal(one, other)


def test_another_seed_gives_another_dictionary(folder: Path) -> None:
    assert not np.array_equal(linear_bow(known_of(folder, seed=1)), linear_bow(known_of(folder)))


@pytest.mark.parametrize("system", [mlp_bow, mlr])
def test_songs_for_early_stopping_are_wanted(folder: Path, system) -> None:
    known = known_of(folder)
    with pytest.raises(UserError, match=r"0 of the 45 warm songs .* early stopping"):
        system(replace(known, songs=known.songs.assign(validation=False)))


def test_songs_that_are_not_learned_from_change_no_other_song(folder: Path) -> None:
    store, learn = known_of(folder).store, np.arange(N_SONGS) < 40
    all_songs = bag_of_words(store, range(N_SONGS), learn, seed=0, n_words=500)
    learned = bag_of_words(store, range(40), learn[:40], seed=0, n_words=500)
    assert_allclose(all_songs[:40], learned, atol=1e-6)


def test_a_large_catalogue_is_reduced_in_blocks_by_components_of_some_songs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = known_of(folder).bags
    monkeypatch.setattr("earshot.baselines.bag_of_words._SONGS_AT_ONCE", 20)
    blocks = known_of(folder).bags
    assert len(blocks) == N_SONGS
    assert blocks.shape[1] < 20  # of 20 songs' differences
    first = [part[:, 0] for part in (blocks, whole)]
    assert abs(np.corrcoef(first)[0, 1]) > 0.9


def test_popularity_is_one_list_of_logarithms() -> None:
    users, items = popularity(2, np.array([0, 1, 7]))
    assert_allclose(users @ items.T, np.log([[1, 2, 8], [1, 2, 8]]), rtol=1e-6)


def test_row_statistics_are_mean_deviation_and_step() -> None:
    frames = np.array([[1, 7], [3, 7], [1, 7], [3, 7]], dtype=np.uint8)  # a tremolo and a held tone
    assert_array_equal(row_statistics(frames), [[2, 7], [1, 0], [2, 0]])
    assert_array_equal(row_statistics(frames[:1]), [[1, 7], [0, 0], [0, 0]])
