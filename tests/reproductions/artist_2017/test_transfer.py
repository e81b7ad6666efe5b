"""Artist labels on a small catalogue: what is learned from, and what is asked of artists never met."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from artist_2017.networks import artist_examples, label_vectors, untrained_vectors
from artist_2017.params import Artist2017
from artist_2017.transfer import by_cosine, same_artist, to_factors, vector_kinds
from comparison.fold import Fold
from comparison.params import Network
from earshot.classes import Component
from earshot.errors import UserError
from earshot.evaluation.protocol import measure
from earshot.params import WmfFactors, read_params
from earshot.stages import wmf_factors
from earshot.stages.paths import Paths
from earshot.versioning import PreviousOutput
from tests.training.heard import write_training_set

PARAMS = Path(__file__).parents[3] / "reproductions" / "artist_2017" / "params.yaml"
OBJECTIVES = "earshot.training.objectives"


def fold_of(root: Path, artists: list[str] | None = None) -> Fold:
    """A quarter of the artists cold, six songs each; or with `artists` in the place of theirs."""
    write_training_set(root / "data" / "training_set")
    path = root / "data" / "training_set" / "songs.parquet"
    songs = pd.read_parquet(path)
    songs["artist_id"] = artists or [f"artist-{n // 6:02d}" for n in range(len(songs))]
    songs["cold"] = (np.arange(len(songs)) // 6) % 4 == 0
    songs["validation"] = ~songs["cold"] & (np.arange(len(songs)) % 5 == 1)
    songs.to_parquet(path)
    paths = Paths(root, root / "data" / "wmf_factors", root / "work", root, PreviousOutput(root, None))
    for folder in (paths.output, paths.work):
        folder.mkdir()
    wmf_factors.write_factors(paths, WmfFactors(3, 2.0, 1.0, 5.0, 6), seed=0)
    read = read_params(PARAMS, Artist2017)
    encoder = Component(
        "earshot.encoders.pooled_in_time:PooledInTime",
        {"channels": [8, 8], "kernels": [3, 1], "pools": [4, 1], "batch_norm": True, "linear": False},
    )
    labels = {
        name: Network(encoder, Component(f"{OBJECTIVES}.{name}:{kind}", {"dimensions": 8}))
        for name, kind in (("artist_siamese", "ArtistSiamese"), ("artist_softmax", "ArtistSoftmax"))
    }
    learning = replace(read.learning, window_seconds=0.25, batch_size=32, max_epochs=4, learning_rate=0.02)
    return Fold(paths, 0, replace(read, labels=labels, learning=learning))


@pytest.fixture(scope="module")
def fold(tmp_path_factory: pytest.TempPathFactory) -> Fold:
    return fold_of(tmp_path_factory.mktemp("artists"))


def test_no_artist_that_is_asked_about_is_learned_from(fold: Fold) -> None:
    found = artist_examples(fold)
    learned, stopping = found.songs[: found.n_training], found.songs[found.n_training :]
    # of six songs two are for early stopping, and those stand artist by artist
    assert set(Counter(learned["artist_id"]).values()) == {4}
    assert set(Counter(stopping["artist_id"]).values()) == {2}
    assert stopping["artist_id"].is_monotonic_increasing
    cold = fold.songs[fold.songs["cold"]]["artist_id"]
    assert not set(found.songs["artist_id"]) & set(cold)
    fewer = artist_examples(fold, artists=5, songs=2)
    assert len(fewer.songs[: fewer.n_training]) == fewer.n_training == 10
    assert set(fewer.songs["song_id"]) < set(found.songs["song_id"])
    assert set(fewer.songs["song_id"][10:]) < set(stopping["song_id"])


def test_vectors_of_every_kind_are_asked_the_same(fold: Fold) -> None:
    params = fold.params
    assert isinstance(params, Artist2017)
    kinds = vector_kinds(params)
    assert list(kinds) == ["untrained", "artist_siamese", "artist_softmax"]
    vectors = {name: make(fold) for name, make in kinds.items()}
    assert {made.shape for made in vectors.values()} == {(len(fold.songs), 8)}
    assert not np.allclose(vectors["untrained"], vectors["artist_softmax"])
    again = untrained_vectors(fold, params.labels["artist_softmax"], params.learning)
    np.testing.assert_array_equal(again, vectors["untrained"])
    for make in kinds.values():
        assert 0 <= measure(to_factors(fold, make), fold.cold_start).value("auc") <= 1


def test_songs_of_an_artist_never_met_are_asked_for_by_each_other(fold: Fold) -> None:
    asked = same_artist(fold)
    assert len(asked.users) == len(asked.song_ids) == 18
    assert asked.positives.sum(axis=1).tolist() == [5] * 18  # type: ignore[attr-defined]
    # vectors that say who it is, and nothing else: a perfect order
    artists = np.unique(fold.songs["artist_id"], return_inverse=True)[1]
    telling = by_cosine(fold, lambda _: np.eye(artists.max() + 1)[artists])
    assert measure(telling, asked).value("auc") == 1.0


def test_a_catalogue_without_artists_is_named(tmp_path: Path) -> None:
    nameless = fold_of(tmp_path, artists=[""] * 60)
    with pytest.raises(UserError, match=r"no warm song of 60 has an artist_id"):
        artist_examples(nameless)
    params = nameless.params
    assert isinstance(params, Artist2017)
    with pytest.raises(UserError, match=r"songs.parquet: no warm song"):
        label_vectors(nameless, "artist_softmax", params.labels["artist_softmax"], params.learning)
    with pytest.raises(UserError, match=r"none of 18 cold songs is by the artist of another"):
        same_artist(nameless)
