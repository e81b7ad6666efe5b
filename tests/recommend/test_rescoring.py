"""A model on today's snapshot, which is not the one that it was trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from earshot.catalogue.play_counts import read_play_counts
from earshot.factors.solves import confidence, solve_rows
from earshot.predictors.load import load_encoder, predict
from earshot.recommend import encoding as rescoring
from earshot.recommend.encoding import cold_song_factors, warm_listeners
from earshot.spaces.wmf import Wmf, WmfSpace
from earshot.store.reader import HyperImageStore
from tests.releases.tiny_workspace import TOY, World, write_model

WMF = Wmf(alpha=2.0, epsilon=1.0, regularization=10.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    World().write_training_set(folder / "training_set")
    write_model(folder, seed=1)
    return folder


def test_a_song_that_is_cold_today_tells_nothing_of_its_listeners(made: Path, tmp_path: Path) -> None:
    today = tmp_path / "training_set"
    World().write_training_set(today)
    songs, plays = pd.read_parquet(today / "songs.parquet"), read_play_counts(today)
    known = pd.read_parquet(made / "wmf_factors" / "items.parquet")["song_id"]
    songs.loc[songs["song_id"] == known[0], "cold"] = True
    songs.to_parquet(today / "songs.parquet")
    item_factors = np.load(made / "wmf_factors" / "item_factors.npy")[1:]
    columns = np.searchsorted(plays.song_ids, known[1:])
    counts = confidence(plays.matrix[:, columns], WMF.alpha, WMF.epsilon)
    solved = warm_listeners(WmfSpace.read(made / "wmf_factors"), today, plays)
    assert np.allclose(solved, solve_rows(counts, item_factors, WMF.regularization), rtol=1e-5, atol=1e-7)


def test_blocks_that_were_heard_before_a_kill_are_not_heard_again(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rescoring, "_SONGS_AT_ONCE", 10)
    store = HyperImageStore.open(made / "training_set" / "hyper_images")
    song_ids = store.songs["song_id"].to_numpy(dtype=object)[::-1][:25]
    first = cold_song_factors(made / "cnn_checkpoint", store, song_ids, tmp_path, [TOY])
    positions = [store.position(song_id) for song_id in song_ids]
    whole = predict(load_encoder(made / "cnn_checkpoint", [TOY]), store, positions)
    assert np.allclose(first, whole, rtol=1e-5, atol=1e-7)
    (tmp_path / "20.npy").unlink()
    capfd.readouterr()
    assert np.array_equal(cold_song_factors(made / "cnn_checkpoint", store, song_ids, tmp_path, [TOY]), first)
    assert capfd.readouterr().err.count("100%") == 1
