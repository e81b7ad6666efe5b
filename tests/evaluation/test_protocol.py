"""Whole evaluations against plain loops over users, pairs and replicates."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import t

from earshot.evaluation import intervals, pairs
from earshot.evaluation import metrics as counting
from earshot.evaluation.intervals import Replicates
from earshot.evaluation.protocol import (
    METRICS,
    ColdStart,
    Permutations,
    System,
    chance,
    difference,
    evaluate,
    evaluate_permutations,
    measure,
    random_system,
    shuffled_content,
)
from earshot.evaluation.tables import compare
from tests.evaluation import ranking_oracle

K = 4


def question(relevant, artist_of_candidate):
    """A `ColdStart` in which user u is row u + 1 of the training set."""
    n_users, n_candidates = relevant.shape
    return ColdStart(
        np.array([f"song {song}" for song in range(n_candidates)], dtype=object),
        np.array([f"artist {artist}" for artist in artist_of_candidate], dtype=object),
        np.ones(n_candidates, dtype=bool),
        np.arange(n_users) + 1,
        csr_array(relevant),
    )


@st.composite
def questions(draw):
    """Small questions with ties (whole numbers as factors), users without negatives, one artist or many;
    in some of them plays are revealed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, n_candidates = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    artists = np.sort(rng.integers(0, draw(st.integers(1, 8)), n_candidates))
    relevant = rng.random((n_users, n_candidates)) < draw(st.sampled_from([0.2, 0.9]))
    relevant[np.arange(n_users), rng.integers(0, n_candidates, n_users)] = True
    users, items = rng.integers(-1, 2, (n_users + 1, 2)), rng.integers(-1, 2, (n_candidates, 2))
    asked, known = question(relevant, artists), relevant & (rng.random(relevant.shape) < 0.3)
    if draw(st.booleans()) and (relevant & ~known).any():
        asked = asked.reveal(csr_array(known))
    return asked, System(users.astype(float), items.astype(float))


def nan_mean(values):
    known = [value for value in values if not np.isnan(value)]
    return np.mean(known) if known else np.nan


def users_of(cold_start, system, *more):
    """Scores and positives of every user, and `more` of the songs; without those that were revealed."""
    scores = system.user_vectors[cold_start.users] @ system.item_vectors.T
    revealed = np.zeros(scores.shape, bool) if cold_start.revealed is None else cold_start.revealed.toarray()
    positives = cold_start.positives.toarray()
    return [
        [part[~known] for part in (*user, *more)]
        for *user, known in zip(scores, positives, revealed, strict=True)
    ]


def plain_auc(cold_start, system, weights=None):
    """Mean over users, by loops."""
    weights = np.ones(len(cold_start.song_ids)) if weights is None else weights
    return nan_mean([ranking_oracle.auc(*user) for user in users_of(cold_start, system, weights)])


def plain_first_songs(cold_start, system, depth):
    """Means over users of what looks at the first K songs, and of recall at `depth`, by loops."""
    users = users_of(cold_start, system)
    return {
        "map": nan_mean([ranking_oracle.average_precision(*user, K) for user in users]),
        "recall": nan_mean([ranking_oracle.recall(*user, depth) for user in users]),
        "ndcg": nan_mean([ranking_oracle.ndcg(*user, K) for user in users]),
    }


def centred(cold_start, system):
    users = system.user_vectors - system.user_vectors[cold_start.users].mean(axis=0)
    return System(users, system.item_vectors)


def without(cold_start, system, artist_id):
    """The question and the system's answer without the songs of an artist; users may be left without any."""
    kept = cold_start.artist_ids != artist_id
    known = cold_start.revealed if cold_start.revealed is None else csr_array(cold_start.revealed[:, kept])
    fewer = replace(
        cold_start,
        song_ids=cold_start.song_ids[kept],
        positives=csr_array(cold_start.positives[:, kept]),
        revealed=known,
    )
    return fewer, System(system.user_vectors, system.item_vectors[kept])


@given(questions())
def test_values_and_replicates_equal_plain_loops(asked):
    cold_start, system = asked
    result, around_mean = evaluate(system, cold_start, k=K), centred(cold_start, system)
    expected = {"auc": plain_auc(cold_start, system), "auc_centred": plain_auc(cold_start, around_mean)}
    depth = min(K, math.ceil(len(cold_start.song_ids) / 10))
    for metric, value in (expected | plain_first_songs(cold_start, system, depth)).items():
        assert result.value(metric) == pytest.approx(value, nan_ok=True)
    for artist, artist_id in enumerate(result.artist_ids):
        expected = plain_first_songs(*without(cold_start, system, artist_id), depth)
        expected["auc"] = plain_auc(*without(cold_start, system, artist_id))
        expected["auc_centred"] = plain_auc(*without(cold_start, around_mean, artist_id))
        for metric, value in expected.items():
            assert result.replicates[metric].means[artist] == pytest.approx(value, nan_ok=True)


def test_a_measurement_is_the_evaluation_without_its_intervals(taste):
    cold_start, system = taste
    measured, evaluated = measure(system, cold_start), evaluate(system, cold_start)
    assert measured.replicates == {}
    for metric in METRICS:
        np.testing.assert_array_equal(measured.per_user[metric], evaluated.per_user[metric])


@given(questions())
def test_blocks_of_users_change_nothing(asked):
    cold_start, system = asked
    whole = evaluate(system, cold_start, k=K)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "BLOCK_ELEMENTS", 1)
        patch.setattr(counting, "USERS_AT_ONCE", 2)
        in_pieces = evaluate(system, cold_start, k=K)
    for metric in METRICS:
        np.testing.assert_array_equal(in_pieces.per_user[metric], whole.per_user[metric])
        pieces, all_at_once = in_pieces.replicates[metric], whole.replicates[metric]
        np.testing.assert_allclose(pieces.means, all_at_once.means, rtol=1e-13)
        np.testing.assert_array_equal(pieces.users, all_at_once.users)
    np.testing.assert_array_equal(in_pieces.positive_rank, whole.positive_rank)


@pytest.fixture
def taste():
    """300 users, 120 songs of 40 artists, and a system that knows the taste behind the plays."""
    rng = np.random.default_rng(5)
    users, items = rng.standard_normal((301, 3)), rng.standard_normal((120, 3))
    affinity = users[1:] @ items.T + rng.standard_normal((300, 120))
    relevant = affinity > np.quantile(affinity, 0.9, axis=1, keepdims=True)
    return question(relevant, np.repeat(np.arange(40), 3)), System(users, items)


def test_what_knows_the_taste_beats_what_does_not(taste):
    cold_start, system = taste
    knowing = evaluate(system, cold_start)
    shuffled = evaluate_permutations(Permutations(system, seed=1), cold_start)
    random = evaluate(random_system(301, 120, seed=1), cold_start)
    assert compare(knowing, shuffled, 500)["beats"]
    assert compare(knowing, random, 500)["beats"]
    assert not compare(random, knowing, 500)["beats"]
    assert not compare(knowing, knowing, 500)["beats"]
    assert random.interval("auc").low < 0.5 < random.interval("auc").high


def test_the_mean_of_permutations_is_chance(taste):
    """Whoever the artists are: one permutation alone may lie clearly off it."""
    cold_start, system = taste
    together = evaluate_permutations(Permutations(system, seed=1), cold_start, k=20)
    alone = [measure(shuffled_content(system, [1, number]), cold_start, k=20) for number in range(20)]
    for metric in METRICS:
        each = [one.value(metric) for one in alone]
        np.testing.assert_allclose(together.permutations[metric], each, rtol=1e-15)
        assert together.value(metric) == pytest.approx(np.mean(each))
    error = together.permutations["auc"].std(ddof=1) / np.sqrt(20)
    assert abs(together.value("auc") - 0.5) < 3 * error
    assert np.isnan(together.interval("auc").low)
    paired, own = (
        difference(evaluate(system, cold_start, k=20), together, "auc"),
        evaluate(system, cold_start),
    )
    assert paired.high - paired.low == pytest.approx(own.interval("auc").high - own.interval("auc").low)


def test_a_difference_is_paired(taste):
    cold_start, system = taste
    noisy = System(system.user_vectors, system.item_vectors + 0.05)
    a, b = evaluate(system, cold_start, k=20), evaluate(noisy, cold_start, k=20)
    for metric in METRICS:
        paired, alone = difference(a, b, metric), a.interval(metric)
        assert paired.value == pytest.approx(a.value(metric) - b.value(metric))
        assert paired.high - paired.low < (alone.high - alone.low) / 2
        assert difference(a, a, metric).low == difference(a, a, metric).high == 0


def test_intervals_are_student_t_on_the_jackknife_of_artists(taste):
    cold_start, system = taste
    result = evaluate(system, cold_start)
    for metric in METRICS:
        interval, means = result.interval(metric), result.replicates[metric].means
        error = np.sqrt(39 / 40 * np.sum((means - means.mean()) ** 2))
        assert interval.high - interval.value == pytest.approx(t.ppf(0.975, 39) * error)
        assert interval.value - interval.low == pytest.approx(interval.high - interval.value)


def test_equal_vectors_tie_wherever_they_stand():
    rng = np.random.default_rng(0)
    relevant = np.zeros((7, 103), dtype=bool)
    relevant[:, ::10] = True
    same_for_all = System(rng.standard_normal((8, 20)), np.tile(rng.standard_normal(20), (103, 1)))
    result = evaluate(same_for_all, question(relevant, np.arange(103)))
    assert (result.per_user["auc"] == 0.5).all()
    assert (result.replicates["auc"].means == 0.5).all()


@pytest.mark.parametrize(
    ("auc", "p", "top", "above"),
    [
        ((0.02, 0.01, 0.03), 0.01, (0.0, -0.1, 0.1), True),
        ((0.02, 0.001, 0.039), 0.02, (0.0, -0.1, 0.1), False),  # one pair of equals in 50 comes so far
        ((0.02, -0.001, 0.041), 0.01, (0.0, -0.1, 0.1), False),
        ((0.02, 0.01, 0.03), 0.01, (-0.02, -0.03, -0.01), False),
        ((0.02, np.nan, np.nan), np.nan, (0.0, np.nan, np.nan), False),  # too few artists
    ],
)
def test_one_system_beats_another_by_more_than_its_interval(auc, p, top, above):
    assert intervals.clearly_above(intervals.Interval(*auc), p, intervals.Interval(*top)) is above


def test_nineteen_artists_are_too_few_for_an_interval(taste):
    cold_start, system = taste
    few, enough = (cold_start.only(np.arange(120) < 3 * n) for n in (19, 20))
    for asked, known in ((few, False), (enough, True)):
        inside = System(system.user_vectors, system.item_vectors[: len(asked.song_ids)])
        result = evaluate(inside, asked)
        assert np.isfinite(result.interval("map").low) == np.isfinite(result.interval("auc").low) == known
        assert np.isfinite(chance(result, result)) == known
        assert not compare(result, result, 500)["beats"]


def test_an_interval_stays_inside_what_the_measure_can_be():
    """One listener with one song, at the top of the list: without its artist nobody is left to ask."""
    relevant = np.eye(1, 40, dtype=bool)
    result = evaluate(System(np.ones((2, 1)), -np.arange(40.0)[:, None]), question(relevant, np.arange(40)))
    wide, none = (Replicates(means, np.ones(20, int)) for means in (np.linspace(-3, 3, 20), np.zeros(20)))
    one, other = (replace(result, replicates=dict.fromkeys(METRICS, found)) for found in (wide, none))
    for metric in METRICS:
        assert np.isnan(result.interval(metric).low)
        assert (one.interval(metric).low, one.interval(metric).high) == (0, 1)
        assert difference(one, other, metric).low == -1


def test_parts_of_artists_are_their_scores_where_the_value_is_a_mean_over_artists():
    scores = np.array([0.2, 0.5, 0.6, 0.9])
    without_each = (scores.sum() - scores) / 3
    np.testing.assert_allclose(intervals.pseudo_values(0.55, without_each), scores / 4)
    half = intervals.jackknife_interval(0.55, without_each).high - 0.55
    assert half == pytest.approx(t.ppf(0.975, 3) * scores.std(ddof=1) / np.sqrt(4))


def test_chance_flips_the_signs_of_artists(taste):
    assert intervals.sign_flip_p(np.ones(20)) == 1 / 20_000
    assert intervals.sign_flip_p(np.array([3.0, 2.0, 1.0])) == pytest.approx(1 / 8, abs=0.03)
    assert intervals.sign_flip_p(np.array([3.0, 2.0, -1.0])) == pytest.approx(2 / 8, abs=0.03)
    assert intervals.sign_flip_p(np.zeros(5)) == 1
    cold_start, system = taste
    knowing, other = evaluate(system, cold_start), evaluate(random_system(301, 120, seed=1), cold_start)
    assert chance(knowing, other) == 1 / 20_000
    assert chance(other, knowing) == 1


def test_some_candidates_alone(taste):
    cold_start, system = taste
    mask = np.arange(120) < 6
    few = cold_start.only(mask)
    assert (few.positives.toarray().sum(axis=1) > 0).all()
    assert set(few.users) <= set(cold_start.users)
    kept = np.isin(cold_start.users, few.users)
    np.testing.assert_array_equal(few.positives.toarray(), cold_start.positives.toarray()[kept][:, mask])
    evaluate(System(system.user_vectors, system.item_vectors[mask]), few)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (np.ones((119, 3)), r"item_vectors \(119, 3\) must be \(120, 3\)"),
        (np.full((120, 3), np.nan), "finite"),
    ],
)
def test_wrong_vectors_are_named(taste, items, message):
    cold_start, system = taste
    with pytest.raises(ValueError, match=message):
        evaluate(System(system.user_vectors, items), cold_start)
