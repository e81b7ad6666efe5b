"""First listeners, and the choice of n0, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.evaluation.choosing_n0 import Tried, choose, try_all
from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.first_listeners import ColdSongs, Started, cold_songs, start
from earshot.evaluation.mixed_list import mix
from earshot.evaluation.warm_up import BOTH, PREDICTION, ahead_of_both, below_an_end, judge_columns, starts
from earshot.params import WarmUp
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import Wmf, WmfSpace
from tests.evaluation import ranking_oracle

N_USERS, N_SONGS, SEED = 40, 12, 3
WMF = Wmf(alpha=2.0, epsilon=1.0, regularization=5.0)
SETTINGS = WarmUp(
    listeners=[1, 3], n0=[1.0, 4.0, 16.0], draws=2, max_songs=100, max_listeners=1000, bootstraps=100
)


@pytest.fixture
def songs() -> ColdSongs:
    """Two songs an artist; the last has one listener alone; the first user hears nothing of them."""
    rng = np.random.default_rng(5)
    users = rng.standard_normal((N_USERS, 3)).astype(np.float32)
    true = rng.standard_normal((N_SONGS, 3))
    counts = (users @ true.T + rng.standard_normal((N_USERS, N_SONGS)) > 0.5) * rng.integers(
        1, 5, (N_USERS, N_SONGS)
    )
    counts[0], counts[:, -1] = 0, 0
    counts[7, -1] = 2
    ids = np.array([f"s{n:02}" for n in range(N_SONGS)], dtype=object)
    heard = np.flatnonzero(counts.any(axis=1))
    artists = np.array([f"a{n // 2}" for n in range(N_SONGS)], dtype=object)
    asked = ColdStart(ids, artists, np.ones(N_SONGS, bool), heard, csr_array(counts[heard] > 0))
    plays = PlayCounts(np.arange(N_USERS).astype(object), ids, csr_array(counts.astype(np.float32)))
    predicted = (0.3 * true + 0.1 * rng.standard_normal(true.shape)).astype(np.float32)
    space = WmfSpace(Placed(plays.user_ids, users), Placed(ids[:0], users[:0]), WMF)
    return cold_songs(plays, asked, predicted, space)


def test_first_listeners_are_known_and_the_others_are_to_be_found(songs: ColdSongs) -> None:
    more = songs.only(songs.n_listeners > 3)
    started = start(more, 3, max_listeners=1000, seed=[0])
    assert np.diff(started.first.indptr).tolist() == [3] * (N_SONGS - 1)
    left = np.zeros((N_SONGS - 1, N_USERS), bool)
    left[:, started.cold_start.users] = started.cold_start.positives.toarray().T
    whole, first = more.plays.toarray(), started.first.toarray()
    assert np.array_equal(left, (whole > 0) & (first == 0))
    assert np.array_equal(first[first > 0], whole[first > 0])  # with all their plays
    assert len(start(more, 3, max_listeners=5, seed=[0]).cold_start.users) == 5


def test_draws_differ_and_come_again_with_their_seed(songs: ColdSongs) -> None:
    firsts = [starts(songs, 1, SETTINGS, SEED) for _ in range(2)]
    one, other = (started.first.toarray() for started in firsts[0])
    assert (one != other).any()
    assert (one == firsts[1][0].first.toarray()).all()


def test_without_a_listener_both_are_the_sound_and_songs_with_too_few_are_counted(songs: ColdSongs) -> None:
    columns = judge_columns(songs, 4.0, SETTINGS, SEED)
    assert [(column.songs, column.songs_left_out) for column in columns] == [(12, 0), (11, 1), (11, 1)]
    nobody = columns[0].results
    assert np.array_equal(nobody[BOTH].per_user["auc"], nobody[PREDICTION].per_user["auc"])
    assert nobody["plays"].value("auc") == 0.5
    assert below_an_end(columns[:1]) == []
    assert ahead_of_both(columns[:1]) == []


def plain_both(started: Started, n0: float) -> np.ndarray:
    users, placed = started.songs.users.vectors.astype(float), []
    shared = users.T @ users + WMF.regularization * np.eye(3)
    for counts, y_hat in zip(started.first.toarray().astype(float), started.songs.predicted, strict=True):
        n, c = (
            np.count_nonzero(counts),
            np.where(counts > 0, 1 + WMF.alpha * np.log1p(counts / WMF.epsilon), 0),
        )
        left = shared + sum((c[u] - 1) * np.outer(users[u], users[u]) for u in np.flatnonzero(c))
        placed.append(np.linalg.solve(left, c @ users + max(0.0, 1 - n / n0) * shared @ y_hat))
    return np.array(placed)


def plain_lists(started: Started, half: np.ndarray, n0: float) -> tuple[float, float]:
    """AUC of the two lists, and how much higher songs stand started for those yet to play them."""
    both, new = plain_both(started, n0), started.songs.predicted
    aucs: list[list[float]] = [[], []]
    places: dict[bool, list[float]] = {True: [], False: []}
    for number, some in enumerate((half, ~half)):
        items = np.where(some[:, None], both, new)
        for row, user in enumerate(started.cold_start.users):
            scores = items @ started.songs.users.vectors[user]
            relevant = started.cold_start.positives.toarray()[row]
            known = started.first.toarray()[:, user] > 0
            aucs[number].append(ranking_oracle.auc(scores[~known], relevant[~known]))
            for song in np.flatnonzero(relevant):
                places[bool(some[song])].append(np.sum(scores < scores[song]) / (len(scores) - 1))
    auc = float(np.mean([np.nanmean(values) for values in aucs]))
    return auc, float(np.mean(places[True]) - np.mean(places[False]))


def test_the_chosen_n0_is_the_best_of_a_plain_computation(songs: ColdSongs) -> None:
    expected = []
    for n0 in SETTINGS.n0:
        aucs, rises = [], []
        for n in SETTINGS.listeners:
            drawn = starts(songs, n, SETTINGS, SEED)
            rng = [np.random.default_rng([SEED, n]) for _ in drawn]
            halves = [r.permutation(len(s.songs.predicted)) % 2 == 0 for r, s in zip(rng, drawn, strict=True)]
            found = [plain_lists(s, half, n0) for s, half in zip(drawn, halves, strict=True)]
            aucs.append(np.mean([auc for auc, _ in found]))
            pairs = [s.cold_start.positives.nnz for s in drawn]
            rises.append(np.average([rise for _, rise in found], weights=pairs))
        expected.append(
            (n0, np.mean(aucs), [n for n, r in zip(SETTINGS.listeners, rises, strict=True) if r < 0])
        )
    tried = try_all(songs, SETTINGS, SEED)
    assert [(one.n0, one.pushes_down) for one in tried] == [(n0, down) for n0, _, down in expected]
    assert [one.auc for one in tried] == pytest.approx([auc for _, auc, _ in expected], abs=1e-6)
    fair = [one for one in expected if not one[2]] or expected
    assert choose(tried) == max(fair, key=lambda one: one[1])[0]


def test_an_n0_that_pushes_songs_down_is_chosen_only_where_all_do() -> None:
    down, up = Tried(10.0, 0.81, [3]), Tried(100.0, 0.80, [])
    assert choose([down, up]) == 100.0
    assert choose([down]) == 10.0
    assert choose([Tried(10.0, math.nan, []), Tried(300.0, math.nan, [])]) == 300.0


def test_a_small_n0_pushes_songs_down_and_a_fair_one_does_not(songs: ColdSongs) -> None:
    small, fair = (mix(songs, 3, n0, SETTINGS, SEED) for n0 in (0.1, 16.0))
    assert small is not None
    assert fair is not None
    assert small.rise("relevant", 100, SEED).high < 0 < fair.rise("relevant", 100, SEED).high
    assert mix(songs.only(songs.n_listeners == 1), 1, 16.0, SETTINGS, SEED) is None
