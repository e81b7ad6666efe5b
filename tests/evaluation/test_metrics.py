"""AP@k, recall@k, nDCG@k and AUC by hand, as fractions, and against plain rankings."""

from __future__ import annotations

import math
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from earshot.evaluation.protocol import ColdStart, System, measure
from tests.evaluation import ranking_oracle


def judged(scores, relevant, k=500):
    """One user, whose scores are the item vectors; the ranks of the positives, and metric -> value."""
    ids = np.array([f"song {song}" for song in range(len(scores))], dtype=object)
    known, positives = np.ones(len(scores), bool), csr_array(np.array([relevant], bool))
    system = System(np.ones((1, 1)), np.array(scores, float)[:, None])
    result = measure(system, ColdStart(ids, ids, known, np.arange(1), positives), k)
    values = {metric: values[0] for metric, values in result.per_user.items()}
    return {"ranks": result.positive_rank.tolist(), **values}


@pytest.mark.parametrize(
    ("scores", "relevant", "k", "ranks", "expected"),
    [
        ([9, 8, 7, 6], [1, 0, 1, 0], 500, [1, 3], (1 / 1 + 2 / 3) / 2),
        ([9, 8, 7, 6], [0, 0, 0, 1], 500, [4], 1 / 4),
        ([9, 8, 7, 6], [1, 0, 1, 0], 2, [1, 3], (1 / 1) / 2),  # the second positive is beyond the list
        ([9, 8, 7, 6], [1, 1, 1, 0], 2, [1, 2, 3], (1 / 1 + 2 / 2) / 2),  # min(k, 3) = 2
        ([5, 5, 5, 5], [1, 0, 1, 0], 500, [3, 4], (1 / 3 + 2 / 4) / 2),  # tied: negatives first
        ([7, 5, 5, 5], [1, 1, 0, 0], 500, [1, 4], (1 / 1 + 2 / 4) / 2),
        ([9, 8, 7, 6], [1, 1, 1, 1], 500, [1, 2, 3, 4], 1),  # nothing but positives
    ],
)
def test_average_precision_by_hand(scores, relevant, k, ranks, expected):
    found = judged(scores, relevant, k)
    assert found["ranks"] == ranks
    assert found["map"] == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("scores", "relevant", "k", "ndcg"),
    [
        ([9, 8, 7, 6], [1, 0, 1, 0], 500, (1 + 1 / log2(4)) / (1 + 1 / log2(3))),
        ([9, 8, 7, 6], [1, 0, 1, 0], 2, 1 / (1 + 1 / log2(3))),
        ([9, 8, 7, 6], [1, 1, 1, 0], 2, 1),  # no list of two could be better
        ([9, 8, 7, 6], [0, 0, 0, 1], 3, 0),
        ([5, 5, 5, 5], [1, 0, 1, 0], 3, (1 / log2(4)) / (1 + 1 / log2(3))),  # tied: at 3 and 4
    ],
)
def test_ndcg_by_hand(scores, relevant, k, ndcg):
    assert judged(scores, relevant, k)["ndcg"] == pytest.approx(ndcg, abs=1e-15)


@pytest.mark.parametrize(
    ("n_candidates", "ranks", "k", "recall"),
    [
        (231, [1, 24, 25, 231], 500, 2 / 4),  # a tenth of 231, rounded up, is 24
        (10, [1, 2], 500, 1 / 2),
        (9, [1, 2], 500, 1 / 2),
        (40, [1, 2, 3, 4], 2, 2 / 4),  # never deeper than k
        (1, [1], 500, 1 / 1),
    ],
)
def test_recall_looks_at_a_tenth_of_the_candidates(n_candidates, ranks, k, recall):
    relevant = np.isin(np.arange(1, n_candidates + 1), ranks)
    found = judged(-np.arange(n_candidates, dtype=float), relevant, k)
    assert found["recall"] == pytest.approx(recall, abs=1e-15)


@pytest.mark.parametrize(
    ("scores", "relevant", "expected"),
    [
        ([9, 8, 7, 6], [1, 0, 1, 0], (2 + 1) / 4),
        ([9, 8, 7, 6], [0, 0, 0, 1], 0 / 3),
        ([5, 5, 5, 5], [1, 0, 1, 0], 1 / 2),
        ([7, 5, 5, 3], [0, 1, 0, 0], (0 + 1 / 2 + 1) / 3),
    ],
)
def test_auc_by_hand(scores, relevant, expected):
    assert judged(scores, relevant)["auc"] == pytest.approx(expected, abs=1e-15)


def test_no_negative_is_no_auc():
    assert np.isnan(judged([2, 1], [1, 1])["auc"])


@pytest.mark.parametrize("apart", [1e-3, 1e-9])  # float32 tells the first from 1, not the second
def test_scores_that_float32_cannot_tell_apart(apart):
    scores, relevant = [1.0, 1 + apart, 1 - apart, 1.0, 0.5], [1, 0, 0, 0, 0]
    assert judged(scores, relevant)["ranks"] == [3]  # the tied negative goes first too
    assert judged(scores, relevant)["auc"] == (0 + 1 / 2 + 1 + 1) / 4
    assert judged(scores, [1, 1, 1, 0, 0])["ranks"] == [3, 1, 4]


@st.composite
def rankings(draw):
    """Few distinct scores, so that ties are common; at least one positive."""
    n = draw(st.integers(1, 12))
    scores = draw(arrays(float, n, elements=st.integers(0, 5).map(float)))
    relevant = draw(arrays(bool, n))
    relevant[draw(st.integers(0, n - 1))] = True
    return scores, relevant


@given(rankings())
def test_negated_scores_give_one_minus_auc(ranking):
    scores, relevant = ranking
    assert judged(-scores, relevant)["auc"] == pytest.approx(1 - judged(scores, relevant)["auc"], nan_ok=True)


@given(rankings(), st.randoms())
def test_order_of_candidates_does_not_matter(ranking, random):
    scores, relevant = ranking
    order = random.sample(range(len(scores)), len(scores))
    found, expected = judged(scores[order], relevant[order], 3), judged(scores, relevant, 3)
    for metric in ("map", "recall", "ndcg", "auc"):
        assert found[metric] == pytest.approx(expected[metric], nan_ok=True)


def test_a_thousand_small_cases_equal_the_plain_definitions():
    rng = np.random.default_rng(0)
    tied = 0
    for _ in range(1000):
        n, k = rng.integers(1, 13), int(rng.integers(1, 9))
        scores, relevant = rng.integers(0, rng.integers(1, 20), n).astype(float), rng.random(n) < rng.random()
        relevant[rng.integers(n)] = True
        found = judged(scores, relevant, k)
        expected = {
            "map": ranking_oracle.average_precision(scores, relevant, k),
            "recall": ranking_oracle.recall(scores, relevant, min(k, math.ceil(len(scores) / 10))),
            "ndcg": ranking_oracle.ndcg(scores, relevant, k),
            "auc": ranking_oracle.auc(scores, relevant),
        }
        for metric, value in expected.items():
            assert found[metric] == pytest.approx(value, nan_ok=True, rel=1e-12), (metric, scores, relevant)
        tied += bool(set(scores[relevant]) & set(scores[~relevant]))
    assert tied > 300
