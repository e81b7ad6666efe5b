"""AP@k and AUC by hand, as fractions, and against plain rankings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earshot.evaluation import metrics
from tests.evaluation import ranking_oracle


def counted(scores, relevant):
    scores, relevant = np.array([scores], dtype=float), np.array([relevant], dtype=bool)
    return metrics.count_pairs(scores, relevant, np.arange(scores.shape[1]))


def average_precision(scores, relevant, k):
    counts = counted(scores, relevant)
    everyone = np.ones(len(counts.users), dtype=bool)
    ranks, per_user = metrics.average_precision(
        counts.users, counts.scores, counts.not_below.sum(axis=1), k, everyone
    )
    return ranks.tolist(), per_user[0]


def auc(scores, relevant):
    return metrics.auc(counted(scores, relevant))[1][0]


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
    found_ranks, found = average_precision(scores, relevant, k)
    assert found_ranks == ranks
    assert found == pytest.approx(expected, abs=1e-15)


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
    assert auc(scores, relevant) == pytest.approx(expected, abs=1e-15)


def test_no_negative_is_no_auc():
    assert np.isnan(auc([2, 1], [1, 1]))


@st.composite
def rankings(draw):
    """Few distinct scores, so that ties are common; at least one positive."""
    n = draw(st.integers(1, 12))
    scores = draw(arrays(float, n, elements=st.integers(0, 5).map(float)))
    relevant = draw(arrays(bool, n))
    relevant[draw(st.integers(0, n - 1))] = True
    return scores, relevant


@given(rankings(), st.integers(1, 8))
def test_both_equal_the_plain_definition(ranking, k):
    scores, relevant = ranking
    assert average_precision(scores, relevant, k)[1] == pytest.approx(
        ranking_oracle.average_precision(scores, relevant, k)
    )
    assert auc(scores, relevant) == pytest.approx(ranking_oracle.auc(scores, relevant), nan_ok=True)


@given(rankings())
def test_negated_scores_give_one_minus_auc(ranking):
    scores, relevant = ranking
    assert auc(-scores, relevant) == pytest.approx(1 - auc(scores, relevant), nan_ok=True)


@given(rankings(), st.randoms())
def test_order_of_candidates_does_not_matter(ranking, random):
    scores, relevant = ranking
    order = random.sample(range(len(scores)), len(scores))
    assert auc(scores[order], relevant[order]) == pytest.approx(auc(scores, relevant), nan_ok=True)
    assert average_precision(scores[order], relevant[order], 3)[1] == pytest.approx(
        average_precision(scores, relevant, 3)[1]
    )
