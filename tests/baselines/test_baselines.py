from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from earshot.audio.store import HyperImageStore
from earshot.baselines.bag_of_words import bag_of_words
from earshot.baselines.linear import linear_bow, ridge
from earshot.files import write_table
from tests.training.heard import N_SONGS, write_training_set


@pytest.fixture
def training_set(tmp_path: Path) -> Path:
    write_training_set(tmp_path / "training_set")
    return tmp_path / "training_set"


def test_ridge_finds_a_line_from_the_songs_it_may_learn_from() -> None:
    features = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    targets = features @ np.array([[1.0, 0], [0, 2], [3, 3]], dtype=np.float32) + 5
    learn = np.arange(50) < 30
    assert_allclose(ridge(features, targets[learn], learn), targets, atol=1e-3)


def test_linear_bow_hears_what_a_dictionary_of_frames_can_tell(training_set: Path, tmp_path: Path) -> None:
    store = HyperImageStore.open(training_set / "hyper_images")
    loudness = np.array([store.image(song)[3].mean() for song in store.songs["song_id"]], dtype=np.float32)
    warm = np.arange(N_SONGS) % 4 != 0
    write_table(
        tmp_path / "items.parquet", store.songs[["song_id"]][warm].sort_values("song_id", ascending=False)
    )
    np.save(tmp_path / "item_factors.npy", np.stack([loudness, -loudness], axis=1)[warm][::-1])
    predicted = linear_bow(training_set, tmp_path, seed=0)
    assert predicted.shape == (N_SONGS, 2)
    assert np.corrcoef(predicted[~warm, 0], loudness[~warm])[0, 1] > 0.8
    assert_array_equal(linear_bow(training_set, tmp_path, seed=0), predicted)


def test_songs_that_are_not_learned_from_change_no_other_song(training_set: Path) -> None:
    store = HyperImageStore.open(training_set / "hyper_images")
    learn = np.arange(N_SONGS) < 40
    all_songs = bag_of_words(store, range(N_SONGS), learn, seed=0)
    learned = bag_of_words(store, range(40), learn[:40], seed=0)
    assert_allclose(all_songs[:40], learned, atol=1e-6)
