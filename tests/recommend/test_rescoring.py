"""A model on today's snapshot, which is not the one that it was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import read_play_counts
from earshot.evaluation.cold_start import read_cold_start
from earshot.factors.solves import confidence, solve_items_with_prediction, solve_rows
from earshot.predictors.load import load_encoder, predict
from earshot.recommend import encoding as rescoring
from earshot.recommend.encoding import predict_songs
from earshot.spaces.wmf import Wmf, WmfSpace
from earshot.stages.folds import Encoded, FoldSnapshot, read_predictions, served_system
from earshot.store.reader import HyperImageStore
from tests.releases.tiny_workspace import TOY, World, write_model

WMF = Wmf(alpha=2.0, epsilon=1.0, regularization=10.0)


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done anew is told by the bars, which a pipe shows on demand alone."""
    monkeypatch.setenv("EARSHOT_PROGRESS", "always")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    World().write_training_set(folder / "training_set")
    write_model(folder, seed=1)
    return folder


def snapshot_of(folder: Path) -> FoldSnapshot:
    return FoldSnapshot(0, folder, read_cold_start(folder), read_play_counts(folder), 0)


def test_a_model_answers_as_it_is_served(made: Path) -> None:
    """Plays of cold songs tell nothing; the others place listeners by sound and listeners, as in serving."""
    snapshot, n0 = snapshot_of(made / "training_set"), 40.0
    space = WmfSpace.read(made / "wmf_factors")
    predicted = read_predictions(made / "predicted_factors")
    found = served_system(snapshot, space, n0, predicted)
    songs = pd.read_parquet(made / "training_set" / "songs.parquet")
    played = songs[~songs["cold"] & (songs["n_listeners"] > 0)]["song_id"].to_numpy(dtype=object)
    plays = snapshot.plays.matrix[:, np.searchsorted(snapshot.plays.song_ids, played)]
    counts = confidence(csr_array(plays), WMF.alpha, WMF.epsilon)
    assert (np.diff(plays.T.tocsr().indptr) < n0).any()
    items = solve_items_with_prediction(
        counts.T.tocsr(), space.listeners.vectors, WMF.regularization, predicted(played), n0
    )
    users = solve_rows(counts, items, WMF.regularization)
    np.testing.assert_allclose(found.user_vectors, users, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found.item_vectors, predicted(snapshot.cold_start.song_ids))


def test_a_model_without_listeners_is_given_those_that_its_songs_give(made: Path) -> None:
    snapshot, space = snapshot_of(made / "training_set"), WmfSpace.read(made / "wmf_factors")
    predicted = read_predictions(made / "predicted_factors")
    found = served_system(snapshot, replace(space, listeners=None), 1.0, predicted)
    kept = served_system(snapshot, space, 1.0, predicted)
    # the factorization has all but converged: its listeners are those that its songs give
    distance = np.linalg.norm(found.user_vectors - kept.user_vectors, axis=1)
    assert distance.mean() < 0.1 * np.linalg.norm(kept.user_vectors, axis=1).mean()


def test_what_was_encoded_is_not_encoded_again(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    encoded = Encoded(made / "cnn_checkpoint", made / "training_set", tmp_path, [TOY])
    ids = snapshot_of(made / "training_set").cold_start.song_ids
    first = encoded(ids[:10])
    np.testing.assert_array_equal(encoded(ids[5:15])[:5], first[5:])
    assert capfd.readouterr().err.count("100%") == 2
    np.testing.assert_array_equal(encoded(ids[8:12]), encoded(ids[5:15])[3:7])
    assert capfd.readouterr().err.count("100%") == 0


def test_blocks_that_were_heard_before_a_kill_are_not_heard_again(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rescoring, "_SONGS_AT_ONCE", 10)
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    song_ids = store.songs["song_id"].to_numpy(dtype=object)[::-1][:25]
    first = predict_songs(made / "cnn_checkpoint", store, song_ids, tmp_path, [TOY])
    positions = [store.position(song_id) for song_id in song_ids]
    whole = predict(load_encoder(made / "cnn_checkpoint", [TOY]), store, positions)
    assert np.allclose(first, whole, rtol=1e-5, atol=1e-7)
    (tmp_path / "20.npy").unlink()
    capfd.readouterr()
    assert np.array_equal(predict_songs(made / "cnn_checkpoint", store, song_ids, tmp_path, [TOY]), first)
    assert capfd.readouterr().err.count("100%") == 1
