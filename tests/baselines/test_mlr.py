"""Metric learning to rank against every ordering there is, a search of the plane, and unseen songs."""

from functools import partial
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from oord_2013.mlr import mlr, most_similar
from oord_2013.mlr_constraints import Queries, mean_auc, most_violated
from oord_2013.mlr_solver import learn_metrics
from tests.baselines.heard_songs import known_of, write_known


def random_queries(draw: np.random.Generator, d: int) -> Queries:
    """Two queries, the first of them a candidate, and six candidates."""
    candidates = draw.normal(size=(6, d))
    relevant = np.zeros((2, 6), dtype=bool)
    relevant[0, 1 + draw.permutation(5)[: draw.integers(1, 5)]] = True
    relevant[1, draw.permutation(6)[: draw.integers(1, 6)]] = True
    features = np.stack([candidates[0], draw.normal(size=d)])
    return Queries(features, candidates, csr_array(relevant), np.array([0, -1]))


def random_metric(draw: np.random.Generator, d: int) -> np.ndarray:
    root = draw.normal(size=(d, d)) * draw.choice([0, 0.1, 1])
    return root @ root.T


def partial_order(queries: Queries, query: int, ordering: tuple[int, ...]) -> tuple[np.ndarray, float]:
    """psi and 1 - AUC of an ordering of candidates, from their definitions."""
    is_relevant = queries.relevant.toarray()[query]
    relevant = [song for song in ordering if is_relevant[song]]
    irrelevant = [song for song in ordering if not is_relevant[song]]
    psi, wrong = 0, 0
    for i in relevant:
        for j in irrelevant:
            away_i, away_j = (queries.features[query] - queries.candidates[song] for song in (i, j))
            before = ordering.index(i) < ordering.index(j)
            psi = psi + (1 if before else -1) * (np.outer(away_j, away_j) - np.outer(away_i, away_i))
            wrong += not before
    pairs = len(relevant) * len(irrelevant)
    return psi / pairs, wrong / pairs


def most_slack(queries: Queries, query: int, metric: np.ndarray) -> float:
    """The largest loss - <W, psi* - psi> of all orderings."""
    songs = [song for song in range(6) if song != queries.own[query]]
    best = sorted(songs, key=lambda song: not queries.relevant.toarray()[query, song])
    right, _ = partial_order(queries, query, tuple(best))
    tried = (partial_order(queries, query, ordering) for ordering in permutations(songs))
    return max(loss - ((right - psi) * metric).sum() for psi, loss in tried)


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_the_most_violated_constraint_is_that_of_all_orderings(seed: int, d: int) -> None:
    draw = np.random.default_rng(seed)
    queries = random_queries(draw, d)
    constraint = most_violated(queries, metric := random_metric(draw, d))
    equals = partial(assert_allclose, atol=1e-12)  # both may be 0 but for rounding
    for asked, compare in ((metric, equals), (random_metric(draw, d), np.testing.assert_array_less)):
        slack = constraint.loss - (constraint.difference * asked).sum()
        wanted = np.mean([most_slack(queries, query, asked) for query in (0, 1)])
        compare(slack, wanted + (0 if asked is metric else 1e-9))


def test_auc_counts_pairs_and_halves_ties() -> None:
    candidates = np.array([[1.0], [-1.0], [2.0], [3.0], [0.0]])
    queries = Queries(
        np.zeros((1, 1)), candidates, csr_array([[True, False, True, False, False]]), np.array([4])
    )
    assert mean_auc(queries, np.eye(1)) == pytest.approx((1 + 1 / 2 + 1 + 0) / 4)  # 1 and 2 against -1 and 3
    assert mean_auc(queries, np.zeros((1, 1))) == 1 / 2


def nuisance(n: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What listeners hear, (n, 2), and that among eight louder things, (n, 10)."""
    heard = draw.normal(size=(n, 2))
    features = np.concatenate([heard, 3 * draw.normal(size=(n, 8))], axis=1)
    return heard, features @ np.linalg.qr(draw.normal(size=(10, 10)))[0] / 10


def ask(features: np.ndarray, heard: np.ndarray, songs: np.ndarray, candidates: np.ndarray) -> Queries:
    """The 5 nearest in what is heard are relevant."""
    away = np.linalg.norm(heard[songs, None] - heard[candidates], axis=2)
    own = np.where(np.isin(songs, candidates), np.searchsorted(candidates, songs), -1)
    away[own >= 0, own[own >= 0]] = np.inf
    relevant = np.zeros(away.shape, dtype=bool)
    np.put_along_axis(relevant, np.argsort(away, axis=1)[:, :5], values=True, axis=1)
    return Queries(features[songs], features[candidates], csr_array(relevant), own)


@pytest.fixture(scope="module")
def toy() -> tuple[Queries, Queries]:
    heard, features = nuisance(200, np.random.default_rng(3))
    songs = np.arange(200)
    return ask(features, heard, songs[:150], songs[:150]), ask(features, heard, songs[150:], songs[:150])


def test_the_learned_metric_ranks_unseen_queries_better_than_the_euclidean_one(
    toy: tuple[Queries, Queries],
) -> None:
    training, held_out = toy
    learned = list(learn_metrics(partial(most_violated, training), 10, (100.0, 1000.0), diagonal=False))
    euclidean = mean_auc(held_out, np.eye(10))
    assert euclidean < 0.75
    for found in learned:
        assert np.linalg.eigvalsh(found.metric)[0] > -1e-9
        assert (np.diff(found.objective) <= 0).all()
        assert found.objective[-1] >= found.lower_bound[-1]
        assert found.objective[-1] < 0.7 * found.slack_weight  # tr 0 + C x loss 1 at W = 0
    assert mean_auc(held_out, learned[-1].metric) > euclidean + 0.15


@pytest.mark.parametrize(
    "slack_weight", [3.0, *(pytest.param(w, marks=pytest.mark.soak) for w in (30.0, 300.0))]
)
def test_the_objective_falls_to_the_least_that_a_search_of_the_plane_finds(slack_weight: float) -> None:
    draw = np.random.default_rng(1)
    heard = draw.normal(size=(40, 1))
    features = np.concatenate([heard, draw.normal(size=(40, 1))], axis=1)
    queries = ask(features, heard, np.arange(40), np.arange(40))
    oracle = partial(most_violated, queries)
    (learned,) = learn_metrics(oracle, 2, (slack_weight,), diagonal=True)
    assert_array_equal(learned.metric, np.diag(np.diagonal(learned.metric)))

    def objective(weights: tuple[float, float]) -> float:
        constraint = oracle(metric := np.diag(weights))
        slack = constraint.loss - (constraint.difference * metric).sum()
        return metric.trace() + slack_weight * slack

    steps = np.concatenate([[0], np.geomspace(0.01, 100, 40)])
    least = min(objective((one, other)) for one in steps for other in steps)
    assert learned.objective[-1] == pytest.approx(objective(tuple(np.diagonal(learned.metric))))
    assert (np.diff(learned.objective) <= 0).all()
    assert (np.diff(learned.lower_bound) >= 0).all()
    assert learned.lower_bound[-1] <= least
    assert learned.objective[-1] <= 1.01 * least


def test_songs_are_alike_that_share_most_of_their_listeners() -> None:
    """Song 0 has two listeners, song 1 one of them, song 2 everybody, song 3 nobody."""
    plays = csr_array(np.array([[1, 9, 1, 0], [5, 0, 2, 0], *[[0, 0, 3, 0]] * 4]))
    songs = np.arange(4)
    nearest = most_similar(plays, songs, songs, k=1).toarray()
    assert_array_equal(nearest[0], [False, True, False, False])  # Jaccard 1/2; with song 2 it is 2/6
    assert_array_equal(nearest[2], [True, False, False, False])  # 2/6; with song 1 it is 1/6
    every = most_similar(plays, songs[::3], songs, k=3).toarray()
    assert_array_equal(every, [[False, True, True, False], [False] * 4])


@pytest.mark.parametrize("diagonal", [False, True])
def test_a_score_is_the_mean_similarity_to_the_songs_played(
    tmp_path: Path, diagonal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oord_2013.mlr._SLACK_WEIGHTS", (1.0, 30.0))
    known = known_of(write_known(tmp_path))
    users, items = mlr(known, diagonal)
    assert users.dtype == items.dtype == np.float32
    songs = items[:, :-1]
    similarity = -((songs[:, None] - songs) ** 2).sum(axis=2)
    played = known.plays.toarray() > 0
    for user in np.flatnonzero(played.any(axis=1)):
        mean = similarity[:, played[user]].mean(axis=1)
        assert_allclose(np.ptp(items @ users[user] - mean), 0, atol=1e-4 * np.ptp(mean))
