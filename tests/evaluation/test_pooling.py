"""Folds and seeds pooled: the mean over all users, and an interval that narrows as artists get more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earshot.evaluation.protocol import METRICS, Result, chance, pool


def result(values: list[float], replicates: list[float]) -> Result:
    users = {metric: np.array(values) for metric in METRICS}
    return Result(
        users,
        {metric: np.array(replicates) for metric in METRICS},
        np.array(values),
        np.array(values),
        np.arange(20).astype(str).astype(object),
        np.zeros(20),
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


def test_an_artist_brings_what_it_brings_in_each_fold() -> None:
    """12 artists in each of two folds, one of them in both; two users in the first, one in the second."""
    first, second = result([0.8, 0.6], [0.7, 0.7]), result([0.4], [0.4, 0.4])
    artists = np.array([f"a{n:02d}" for n in range(23)], dtype=object)
    influence = np.array([0.11, *[-0.01] * 11])
    first = replace(first, artist_ids=artists[:12], influence=influence)
    second = replace(second, artist_ids=artists[11:], influence=-influence)
    pooled = pool([first, second])
    shares = dict(zip(pooled.artist_ids, pooled.influence + pooled.value("auc") / 23, strict=True))
    assert sum(shares.values()) == pytest.approx(pooled.value("auc")) == pytest.approx(0.6)
    assert shares["a00"] == pytest.approx(2 / 3 * (0.11 + 0.7 / 12))
    assert shares["a22"] == pytest.approx(1 / 3 * (0.01 + 0.4 / 12))
    assert shares["a11"] == pytest.approx(2 / 3 * (-0.01 + 0.7 / 12) + 1 / 3 * (-0.11 + 0.4 / 12))
    assert np.isnan(chance(first, replace(first, influence=0 * influence)))  # 12 are too few
    assert np.isfinite(chance(pooled, pooled))
