"""Folds and seeds pooled: the mean over all users, and an interval that narrows as artists get more."""

from __future__ import annotations

import numpy as np
import pytest

from earshot.evaluation.pooling import pool
from earshot.evaluation.protocol import METRICS, Result


def result(values: list[float], replicates: list[float]) -> Result:
    users = {metric: np.array(values) for metric in METRICS}
    return Result(
        users,
        {metric: np.array(replicates) for metric in METRICS},
        np.array(values),
        np.array(values),
        np.arange(20).astype(str).astype(object),
    )


def test_users_weigh_alike() -> None:
    pooled = pool([result([0.5, 0.7, np.nan], [0.6, 0.4]), result([0.9], [0.9, 0.3])])
    assert pooled.value("auc") == pytest.approx((0.5 + 0.7 + 0.9) / 3)
    np.testing.assert_allclose(pooled.replicates["auc"], [(2 * 0.6 + 0.9) / 3, (2 * 0.4 + 0.3) / 3])


def test_the_same_answer_twice_is_as_sure_as_once_and_independent_ones_are_surer() -> None:
    draw = np.random.default_rng(0)
    one, other = (result([0.7], list(0.7 + 0.01 * draw.standard_normal(1000))) for _ in range(2))
    widths = [
        pooled.interval("auc").high - pooled.interval("auc").low
        for pooled in (one, pool([one, one]), pool([one, other]))
    ]
    assert widths[1] == pytest.approx(widths[0])
    assert widths[2] == pytest.approx(widths[0] / np.sqrt(2), rel=0.1)
