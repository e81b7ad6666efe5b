"""Negatives out of all songs, known songs with plays held out, and a curve that a kill does not bend."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from comparison.fold import Fold
from comparison.params import Network
from comparison.systems import make_systems
from earshot.catalogue.play_counts import read_play_counts
from earshot.classes import Component
from earshot.evaluation.protocol import measure
from earshot.params import WmfFactors, read_params
from earshot.stages import wmf_factors
from earshot.stages.paths import Paths
from earshot.training.objectives.content_user import ContentUser
from earshot.versioning import PreviousOutput
from lee_2018_dcue import curve
from lee_2018_dcue.exact import PlaysWithNegatives, draw_pairs, exact_loss
from lee_2018_dcue.hot import HotFold, _write_others, factorization, known_popularity
from lee_2018_dcue.networks import embedding, unit_heads
from lee_2018_dcue.params import Lee2018
from lee_2018_dcue.systems import of_cold_songs
from tests.training.heard import write_training_set
from tests.training.test_content_user import MARGIN, cosine, examples_of, hinge, tower

PARAMS = Path(__file__).parents[3] / "reproductions" / "lee_2018_dcue" / "params.yaml"
SMALL = {"channels": [8, 8], "kernels": [3, 1], "pools": [4, 1]}


def network(users: str) -> Network:
    return Network(
        Component("earshot.encoders.pooled_in_time:PooledInTime", SMALL),
        Component(
            "earshot.training.objectives.content_user:ContentUser",
            {"users": users, "dimensions": 8, "hidden": 8},
        ),
    )


@pytest.fixture(scope="module")
def params() -> Lee2018:
    """The paper's, of a second."""
    read = read_params(PARAMS, Lee2018)
    small = replace(read.embedding, window_seconds=0.25, batch_size=16, max_epochs=12, learning_rate=0.02)
    course = replace(
        read.curve,
        networks=["basic_factors"],
        windows=360,
        windows_between=120,
        batch_size=15,
        pairs=10,
        learning_rate=0.02,
        ema_decay=0.8,
    )
    embeddings = {"basic_factors": network("factors"), "basic_random": network("random")}
    return replace(read, embedding=small, embeddings=embeddings, curve=course)


@pytest.fixture(scope="module")
def fold(tmp_path_factory: pytest.TempPathFactory, params: Lee2018) -> Fold:
    root = tmp_path_factory.mktemp("fold")
    write_training_set(root / "data" / "training_set")
    paths = Paths(root, root / "data" / "wmf_factors", root / "work", root, PreviousOutput(root, None))
    for folder in (paths.output, paths.work):
        folder.mkdir()
    wmf_factors.write_factors(paths, WmfFactors(3, 2.0, 1.0, 5.0, 6), seed=0)
    return Fold(paths, 0, params)


def test_every_play_comes_once_in_an_epoch_and_negatives_are_any_song_never_played() -> None:
    plays = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 1], [1, 0, 0, 1]])  # songs by listeners
    batches = list(itertools.islice(draw_pairs(csr_array(plays.astype(np.float32)), 2, 500, 3), 6))
    assert [len(batch.positives) for batch in batches] == [2, 2, 1, 2, 2, 1]  # an epoch of 5 plays, twice
    for epoch in (batches[:3], batches[3:]):
        seen = [
            (int(b.songs[p]), int(u)) for b in epoch for p, u in zip(b.positives, b.listeners, strict=True)
        ]
        # the last listener has played everything: no negatives, no pair
        assert sorted(seen) == [(0, 0), (0, 1), (1, 1), (1, 2), (3, 0)]
    drawn: dict[int, Counter[int]] = {}
    for batch in batches:
        assert len(set(batch.songs.tolist())) == len(batch.songs)
        for listener, places in zip(batch.listeners.tolist(), batch.negatives, strict=True):
            drawn.setdefault(listener, Counter()).update(batch.songs[places].tolist())
    assert {user: set(songs) for user, songs in drawn.items()} == {0: {1, 2}, 1: {2, 3}, 2: {0, 2, 3}}
    for songs in drawn.values():
        expected = songs.total() / len(songs)
        assert max(abs(n - expected) for n in songs.values()) < 5 * np.sqrt(expected)


@pytest.mark.parametrize("heads", [1, 2])
def test_the_hinge_with_given_negatives(heads: int) -> None:
    torch.manual_seed(0)
    objective = ContentUser(examples_of(1), dimensions=4, heads=heads, hidden=5)
    outputs = torch.randn(4, 4 * heads)
    pairs = PlaysWithNegatives(*map(np.array, ([5, 1, 0, 2], [3, 3, 7], [0, 2, 1], [[1, 3], [3, 3], [0, 2]])))
    found = exact_loss(objective, outputs, pairs).item()
    vectors = outputs.numpy().reshape(4, heads, 4)
    hinges = []
    for listener, positive, negatives in zip(*pairs[1:], strict=True):
        for head in range(heads):
            cosines = [cosine(tower(objective, listener, head), vectors[place, head]) for place in range(4)]
            hinges.append(hinge(cosines[positive], [cosines[place] for place in negatives]))
    lengths = np.linalg.norm(vectors, axis=2)
    assert found == pytest.approx(np.mean(hinges) / MARGIN + ((lengths - 1) ** 2).mean(), rel=1e-5)


def test_a_curve_rises_and_goes_on_after_a_kill(
    fold: Fold, params: Lee2018, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = curve._curve(fold, params, "basic_factors", "exact")
    assert whole["windows"].is_monotonic_increasing
    assert whole["windows"].iloc[-1] >= 360
    assert whole["auc"].iloc[-1] > max(0.6, whole["auc"].iloc[0])
    kept = fold.paths.root / "curves" / "basic_factors-exact.pt"
    learn, steps = curve._Course.learn, itertools.count()
    kept.unlink()

    def killed(course: curve._Course, batch: curve._Batch) -> None:
        if next(steps) == 7:
            raise KeyboardInterrupt
        learn(course, batch)

    monkeypatch.setattr(curve._Course, "learn", killed)
    with pytest.raises(KeyboardInterrupt):
        curve._curve(fold, params, "basic_factors", "exact")
    monkeypatch.undo()
    assert kept.is_file()
    again = curve._curve(fold, params, "basic_factors", "exact")
    columns = ["batches", "windows", "plays", "auc", "map"]
    assert again[columns].to_numpy().tolist() == whole[columns].to_numpy().tolist()
    in_batch = curve._curve(fold, params, "basic_factors", "batch")
    assert in_batch["auc"].iloc[-1] > 0.6
    # songs with all their plays: more of them for a window than plays one by one
    assert in_batch["plays"].iloc[-1] > whole["plays"].iloc[-1]


def test_an_embedding_is_kept_and_ranks_cold_songs(fold: Fold, params: Lee2018) -> None:
    found = embedding(fold, "basic_factors", params.embeddings["basic_factors"], params.embedding)
    np.testing.assert_allclose(np.linalg.norm(found.songs, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found.listeners, axis=1), 1, rtol=1e-5)
    assert found.listeners.shape == (len(fold.user_factors), 8)
    made = make_systems(fold, {"basic_factors": of_cold_songs(params)["basic_factors"]})
    assert measure(made["basic_factors"], fold.cold_start).value("auc") > 0.6
    heads = unit_heads(np.array([[3, 4, 0, 0]], np.float32), 2)
    np.testing.assert_allclose(heads, [[0.6, 0.8, 0, 0]], rtol=1e-6)


def test_known_songs_are_asked_about_plays_that_were_held_out(fold: Fold, tmp_path: Path) -> None:
    whole, root = tmp_path / "whole", tmp_path / "hot"
    whole.mkdir()
    for name in ("plays.parquet", "users.parquet", "items.parquet", "songs.parquet"):
        (whole / name).write_bytes((fold.training_set / name).read_bytes())
    (whole / "validation.json").write_text("{}")
    left = root / "data" / "training_set"
    left.mkdir(parents=True)
    _write_others(whole, left, 0.2)
    (left / "songs.parquet").write_bytes((whole / "songs.parquet").read_bytes())
    (left / "hyper_images").symlink_to(fold.training_set / "hyper_images")
    paths = Paths(root, root / "data" / "wmf_factors", root / "work", root, PreviousOutput(root, None))
    for folder in (paths.output, paths.work):
        folder.mkdir()
    wmf_factors.write_factors(paths, WmfFactors(3, 2.0, 1.0, 5.0, 6), seed=0)
    hot = HotFold(paths, 0, fold.params, whole)
    asked, everything, plays = hot.cold_start, read_play_counts(whole), read_play_counts(left)
    assert not set(asked.song_ids) & set(fold.cold_start.song_ids)
    row = {song: n for n, song in enumerate(everything.song_ids)}
    for line, user in enumerate(asked.users):
        for place, song in enumerate(asked.song_ids):
            there = (everything.matrix[user, row[song]] > 0, plays.matrix[user, row[song]] > 0)
            found = (bool(asked.positives[line, place]), bool(asked.revealed[line, place]))  # type: ignore[index]
            assert found == (there == (True, False), there == (True, True))
    n_held_out = everything.matrix.nnz - plays.matrix.nnz
    assert 0.15 < n_held_out / everything.matrix.nnz < 0.3
    for make in (known_popularity, factorization):
        assert measure(make(hot), asked).value("auc") > 0.5
