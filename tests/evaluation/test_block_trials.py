"""Blocks of what is known of songs: by whom they are tried, what ridge regression makes of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from earshot.baselines.shared_ridge import PENALTIES
from earshot.catalogue.play_counts import PlayCounts
from earshot.evaluation.block_trials import HeldOutFold, artist_folds, combinations, folds_of
from earshot.lanes.advise import SOUND, compare
from earshot.params import WmfFactors

N_SONGS, N_USERS, SONGS_OF_AN_ARTIST = 120, 150, 4
NUMBERS = WmfFactors(4, 2.0, 1.0, 5.0, 8)


@pytest.fixture(scope="module")
def world() -> tuple[PlayCounts, pd.DataFrame, np.ndarray]:
    """Artists of four songs, whose traits are near to each other and decide who plays them."""
    draw = np.random.default_rng(0)
    artists = np.repeat(draw.normal(size=(N_SONGS // SONGS_OF_AN_ARTIST, 3)), SONGS_OF_AN_ARTIST, axis=0)
    traits = artists + 0.5 * draw.normal(size=artists.shape)
    played = draw.normal(size=(N_USERS, 3)) @ traits.T + draw.normal(size=(N_USERS, N_SONGS)) > 1.5
    ids = np.array([f"s{n:03d}" for n in range(N_SONGS)], dtype=object)
    users = np.array([f"u{n:03d}" for n in range(N_USERS)], dtype=object)
    counts = PlayCounts(users, ids, csr_array(played.astype(np.float32)))
    names = [f"a{n // SONGS_OF_AN_ARTIST}" if n > 7 else "" for n in range(N_SONGS)]  # the first are nobody's
    return counts, pd.DataFrame({"song_id": ids, "artist_id": names}), traits.astype(np.float32)


@pytest.fixture(scope="module")
def folds(world: tuple[PlayCounts, pd.DataFrame, np.ndarray]) -> list[HeldOutFold]:
    return folds_of(world[0], world[1], artist_folds(world[1], 4), NUMBERS, seed=0)


def test_no_artist_is_on_two_sides(
    world: tuple[PlayCounts, pd.DataFrame, np.ndarray], folds: list[HeldOutFold]
) -> None:
    songs = world[1]
    assert sorted(song for fold in folds for song in fold.cold_start.song_ids) == sorted(songs["song_id"])
    for fold in folds:
        named = [set(songs["artist_id"].iloc[rows]) - {""} for rows in (fold.learned, fold.candidates)]
        assert not named[0] & named[1]
        inner = pd.DataFrame({"part": fold.inner, "artist": songs["artist_id"].to_numpy()[fold.learned]})
        inner = inner[inner["artist"] != ""]
        assert inner.groupby("artist")["part"].nunique().max() == 1
    other = folds_of(world[0], songs, artist_folds(songs, 4, partition=1), NUMBERS, seed=0)
    assert {*other[0].cold_start.song_ids} != {*folds[0].cold_start.song_ids}


def test_the_penalty_is_that_of_the_least_error_on_inner_folds(folds: list[HeldOutFold]) -> None:
    fold, draw = folds[0], np.random.default_rng(1)
    x = draw.normal(size=(N_SONGS, 6)).astype(np.float32)
    x[:, :3] += 2

    def ridge(rows: np.ndarray, targets: np.ndarray, penalty: float, wanted: np.ndarray) -> np.ndarray:
        mean, centre = rows.mean(axis=0), targets.mean(axis=0)
        a = rows - mean
        weights = np.linalg.solve(a.T @ a + penalty * np.eye(a.shape[1]), a.T @ (targets - centre))
        return (wanted - mean) @ weights + centre

    learned, targets = x[fold.learned].astype(float), fold.targets.astype(float)
    errors = []
    for penalty in PENALTIES:
        error = 0.0
        for part in set(fold.inner.tolist()):
            out = fold.inner == part
            error += ((ridge(learned[~out], targets[~out], penalty, learned[out]) - targets[out]) ** 2).sum()
        errors.append(error)
    best = PENALTIES[int(np.argmin(errors))]
    wanted = ridge(learned, targets, best, x[fold.candidates].astype(float))
    np.testing.assert_allclose(fold.predict(x), wanted, rtol=1e-3, atol=1e-5)


def test_what_decides_taste_is_worth_it_and_noise_is_not(
    world: tuple[PlayCounts, pd.DataFrame, np.ndarray], folds: list[HeldOutFold]
) -> None:
    draw, traits = np.random.default_rng(2), world[2]
    sound = np.hstack([traits[:, :1], draw.normal(size=(N_SONGS, 8))]).astype(np.float32)
    half = traits.copy()
    half[::2] = 0  # of every second song nothing is known
    blocks = {SOUND: sound, "traits": traits, "half": half, "noise": draw.normal(size=(N_SONGS, 5))}
    blocks = {name: np.asarray(block, np.float32) for name, block in blocks.items()}
    wanted = [(SOUND,), *((SOUND, name) for name in ("traits", "half", "noise"))]
    lines = {tuple(line["blocks"]): line for line in compare(folds, blocks, wanted)}
    gains = {names[1]: line["minus_sound"]["auc"] for names, line in lines.items() if len(names) == 2}
    assert gains["traits"] > gains["half"] > 0.01
    assert abs(gains["noise"]) < 0.03
    assert lines[SOUND, "traits"]["minus_sound"]["auc_ci95_artists"][0] > 0
    assert lines[SOUND, "noise"]["minus_sound"]["auc_ci95_artists"][0] < 0


def test_every_combination_is_tried_once() -> None:
    assert combinations({"sound": 0}, "sound") == [("sound",)]
    assert combinations({"sound": 0, "words": 1}, "sound") == [("sound",), ("words",), ("sound", "words")]
