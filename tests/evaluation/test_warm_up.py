"""First listeners, and the choice of n0, against plain loops."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts
from earshot.catalogue.play_dates import UNDATED, PlayDates
from earshot.evaluation.arrivals import DATED, HEAVY_FIRST, RANDOM, RECOMMENDED_FIRST
from earshot.evaluation.choosing_n0 import Rise, Tried, choose, mean_listeners, resolve, try_all
from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.first_listeners import ColdSongs, StartedSongs, cold_songs, start
from earshot.evaluation.mixed_list import mix
from earshot.evaluation.warm_up import BOTH, PREDICTION, ahead_of_both, below_an_end, judge_columns, starts
from earshot.params import WarmUp
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import Wmf, WmfSpace
from tests.evaluation import ranking_oracle

N_USERS, N_SONGS, SEED = 40, 12, 3
MEAN = 4.0  # listeners of a song: n0 of 1, 4 and 16
WMF = Wmf(alpha=2.0, epsilon=1.0, regularization=5.0)
SETTINGS = WarmUp(
    listeners=[1, 3],
    n0_multiples=[0.25, 1.0, 4.0],
    draws=2,
    max_songs=100,
    max_listeners=1000,
    bootstraps=100,
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
    started = start(more, RANDOM, 3, max_listeners=1000, seed=[0])
    assert np.diff(started.first.indptr).tolist() == [3] * (N_SONGS - 1)
    left = np.zeros((N_SONGS - 1, N_USERS), bool)
    left[:, started.cold_start.users] = started.cold_start.positives.toarray().T
    whole, first = more.plays.toarray(), started.first.toarray()
    assert np.array_equal(left, (whole > 0) & (first == 0))
    assert np.array_equal(first[first > 0], whole[first > 0])  # with all their plays
    assert len(start(more, RANDOM, 3, max_listeners=5, seed=[0]).cold_start.users) == 5


def test_draws_differ_and_come_again_with_their_seed(songs: ColdSongs) -> None:
    firsts = [starts(songs, RANDOM, 1, SETTINGS, SEED) for _ in range(2)]
    one, other = (started.first.toarray() for started in firsts[0])
    assert (one != other).any()
    assert (one == firsts[1][0].first.toarray()).all()


def test_without_a_listener_both_are_the_sound_and_songs_with_too_few_are_counted(songs: ColdSongs) -> None:
    columns = judge_columns(songs, 4.0, SETTINGS, 500, SEED)[RANDOM]
    assert [(column.songs, column.songs_left_out) for column in columns] == [(12, 0), (11, 1), (11, 1)]
    nobody = columns[0].results
    assert np.array_equal(nobody[BOTH].per_user["auc"], nobody[PREDICTION].per_user["auc"])
    assert nobody["plays"].value("auc") == 0.5
    assert below_an_end(columns[:1]) == []
    assert ahead_of_both(columns[:1]) == []


def plain_both(started: StartedSongs, n0: float) -> np.ndarray:
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


def plain_lists(started: StartedSongs, half: np.ndarray, n0: float) -> tuple[float, float]:
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
                listed = scores[~known]  # a list leaves out what was played
                ties = np.sum(listed == scores[song]) - 1
                below = np.sum(listed < scores[song]) + ties / 2
                places[bool(some[song])].append(below / (len(listed) - 1))
    auc = float(np.mean([np.nanmean(values) for values in aucs]))
    return auc, float(np.mean(places[True]) - np.mean(places[False]))


def test_every_n0_is_judged_as_in_a_plain_computation(songs: ColdSongs) -> None:
    for one, n0 in zip(try_all(songs, MEAN, SETTINGS, SEED), (1.0, 4.0, 16.0), strict=True):
        aucs, rises = [], []
        for draw, n in product(songs.draws, SETTINGS.listeners):
            drawn = starts(songs, draw, n, SETTINGS, SEED)
            rng = [np.random.default_rng([SEED, n]) for _ in drawn]
            halves = [r.permutation(len(s.songs.predicted)) % 2 == 0 for r, s in zip(rng, drawn, strict=True)]
            found = [plain_lists(s, half, n0) for s, half in zip(drawn, halves, strict=True)]
            aucs.append(np.mean([auc for auc, _ in found]))
            pairs = [s.cold_start.positives.nnz for s in drawn]
            rises.append((draw, n, np.average([rise for _, rise in found], weights=pairs)))
        assert (one.n0, one.multiple) == (n0, n0 / MEAN)
        assert one.auc == pytest.approx(np.mean(aucs), abs=1e-6)
        assert [(rise.draw, rise.listeners) for rise in one.rises] == [(draw, n) for draw, n, _ in rises]
        assert [rise.value for rise in one.rises] == pytest.approx([value for *_, value in rises], abs=1e-6)


def tried(n0: float, *rises: float) -> Tried:
    return Tried(n0, n0 / 10, 0.8, tuple(Rise(RANDOM, n, value) for n, value in enumerate(rises)))


def test_the_smallest_n0_that_pushes_nothing_down_is_chosen_else_that_with_the_least_fall() -> None:
    down, fair, fair_too = tried(10.0, 0.1, -0.2), tried(20.0, 0.0, 0.1), tried(40.0, 0.3, 0.3)
    assert choose([down, fair, fair_too]) == fair
    less = tried(5.0, -0.1, -0.1)
    assert choose([less, down]) == less
    assert (less.loss, down.loss, fair.loss) == (0.1, 0.2, 0.0)
    assert choose([tried(10.0), tried(300.0)]).n0 == 300.0  # nobody could be asked


def test_n0_follows_the_listeners_of_the_songs_trained_on(songs: ColdSongs) -> None:
    counts = csr_array(np.array([[1, 1, 1], [1, 0, 1], [1, 0, 0]], dtype=np.float32))
    plays = PlayCounts(np.arange(3).astype(object), np.array(["s00", "s01", "x"], dtype=object), counts)
    trained = np.array(["s00", "s01", "nobody plays it"], dtype=object)
    space = WmfSpace(songs.users, Placed(trained, np.zeros((3, 3), np.float32)), WMF)
    assert mean_listeners(plays, space) == 2.0  # of 3 and 1
    assert resolve(1.4, 155.409) == 218.0


def test_a_small_n0_pushes_songs_down_and_a_fair_one_does_not(songs: ColdSongs) -> None:
    drawn = starts(songs, RANDOM, 3, SETTINGS, SEED)
    small, fair = (mix(drawn, 3, n0, SEED) for n0 in (0.1, 16.0))
    assert small is not None
    assert fair is not None
    assert small.rise("relevant", 100, SEED).high < 0 < fair.rise("relevant", 100, SEED).high
    alone = starts(songs.only(songs.n_listeners == 1), RANDOM, 1, SETTINGS, SEED)
    assert mix(alone, 1, 16.0, SEED) is None


def test_listeners_come_first_by_their_lists_or_by_all_that_they_play(songs: ColdSongs) -> None:
    whole, users = songs.plays.toarray(), songs.users.vectors
    assert songs.draws == (RANDOM, RECOMMENDED_FIRST, HEAVY_FIRST)
    n_songs = np.count_nonzero(whole, axis=0)  # (n_users,): they have no other plays
    for draw in (RECOMMENDED_FIRST, HEAVY_FIRST):
        first = start(songs.only(songs.n_listeners > 3), draw, 3, 1000, [0]).first.toarray() > 0
        for song, came in enumerate(first):
            listeners = np.flatnonzero(whole[song])
            scores = users @ songs.predicted.T  # (n_users, n_songs)
            above = [np.sum(scores[user] > scores[user, song]) for user in listeners]
            late = above if draw == RECOMMENDED_FIRST else [-n_songs[user] for user in listeners]
            by_user = dict(zip(listeners.tolist(), late, strict=True))
            worst = max(by_user[user] for user in np.flatnonzero(came).tolist())
            assert came.sum() == 3
            assert all(came[user] or value >= worst for user, value in by_user.items())


def test_where_nobody_left_has_a_song_that_they_do_not_play_a_column_is_empty(songs: ColdSongs) -> None:
    counts = np.zeros((2, N_USERS), dtype=np.float32)
    counts[:, [3, 4]] = 1  # the same two listeners: whoever is left plays all that there is
    asked = ColdStart(
        np.array(["x", "y"], dtype=object),
        np.array(["a", "b"], dtype=object),
        np.ones(2, bool),
        np.array([3, 4]),
        csr_array(counts[:, [3, 4]].T > 0),
    )
    plays = PlayCounts(songs.users.ids, asked.song_ids, csr_array(counts.T))
    two = cold_songs(plays, asked, songs.predicted[:2], songs.space)
    for columns in judge_columns(two, 4.0, SETTINGS, 500, SEED).values():
        assert [column.results for column in columns] == [{}, {}, {}]
    lists = mix(starts(two, HEAVY_FIRST, 1, SETTINGS, SEED), 1, 4.0, SEED)
    assert lists is not None
    assert np.isnan(lists.auc)
    assert np.isnan(lists.places["irrelevant"].rise)


def dated(songs: ColdSongs, share: float) -> tuple[ColdSongs, np.ndarray]:
    """The same songs where the first `share` of listeners have dates; and these, (n_songs, n_users)."""
    by_listener = csr_array(songs.plays.T.tocsr())  # sorted by user, then song
    plays = PlayCounts(songs.users.ids, songs.cold_start.song_ids, by_listener)
    when = np.random.default_rng(8).permutation(by_listener.nnz) + 1_600_000_000
    when[int(share * by_listener.nnz) :] = UNDATED
    dates = PlayDates(when, when)
    table = np.zeros(songs.plays.shape, dtype=np.int64)
    table.T[by_listener.nonzero()] = when
    return cold_songs(plays, songs.cold_start, songs.predicted, songs.space, dates), table


def test_where_plays_have_dates_the_true_first_listeners_come_first(songs: ColdSongs) -> None:
    assert RANDOM in dated(songs, 0.4)[0].draws  # too few of them
    known, when = dated(songs, 0.8)
    assert known.draws == (DATED,)
    more = known.n_listeners > 3
    (started,) = starts(known, DATED, 3, SETTINGS, SEED)  # nothing is drawn: once
    for came, seconds in zip(started.first.toarray() > 0, when[more], strict=True):
        order = np.where(seconds == UNDATED, np.iinfo(np.int64).max, seconds)[seconds != 0]
        assert sorted(order[came[seconds != 0]].tolist()) == sorted(order.tolist())[:3]
    columns = judge_columns(known, 4.0, SETTINGS, 500, SEED)
    assert list(columns) == [DATED]
