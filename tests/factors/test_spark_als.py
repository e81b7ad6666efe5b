"""MLlib's factors are the least of its own objective, whose lambda goes with the plays, and of no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from earshot.errors import UserError
from earshot.factors.solves import confidence
from earshot.factors.spark_als import fit_by_spark, left_to_gain, mllib_objective, mllib_strength, ratings
from earshot.factors.wmf import Factorization, objective
from earshot.params import WmfFactors, WmfSettings, check_params
from earshot.spark import spark_session
from tests.spark_here import small_spark

WMF = WmfFactors(factors=4, alpha=2.0, epsilon=0.1, regularization=8.0, iterations=1, factorizer="spark_als")


def some_plays(n_users: int = 40, n_items: int = 25) -> csr_array:
    """Some listeners and songs have none, and one listener has played all."""
    draw = np.random.default_rng(0)
    plays = draw.poisson(3, (n_users, n_items)) * (draw.random((n_users, n_items)) < 0.3)
    plays[0] = 1
    plays[3], plays[:, 5] = 0, 0
    return csr_array(plays.astype(np.float32))


def slow_rows(plays: np.ndarray, fixed: np.ndarray, strength: float, by_plays: bool = True) -> np.ndarray:
    """What minimizes MLlib's objective over each row, all columns written out; zeros without plays."""
    solved = np.zeros((len(plays), fixed.shape[1]))
    for row, r in enumerate(plays):
        if n := np.count_nonzero(r):
            c, p = 1 + WMF.alpha * np.log(1 + r / WMF.epsilon), (r > 0).astype(float)
            left = fixed.T @ np.diag(c) @ fixed + strength * (n if by_plays else 1) * np.eye(fixed.shape[1])
            solved[row] = np.linalg.solve(left, fixed.T @ (c * p))
    return solved


def slow_objective(plays: np.ndarray, users: np.ndarray, items: np.ndarray, strength: float) -> float:
    total = 0.0
    for u, x in enumerate(users):
        for i, y in enumerate(items):
            c, p = 1 + WMF.alpha * np.log(1 + plays[u, i] / WMF.epsilon), float(plays[u, i] > 0)
            total += c * (p - x @ y) ** 2 + (plays[u, i] > 0) * strength * (x @ x + y @ y)
    return total


def test_what_mllib_is_fed_makes_its_confidence_eq_2() -> None:
    plays = some_plays()
    eq_2 = confidence(plays, WMF.alpha, WMF.epsilon).data
    assert_allclose(1 + WMF.alpha * ratings(plays, WMF.epsilon), eq_2, rtol=1e-6)


def test_the_objective_and_what_is_left_of_it_are_those_written_out() -> None:
    plays, draw = some_plays(), np.random.default_rng(1)
    dense, confidences = plays.toarray().astype(float), confidence(plays, WMF.alpha, WMF.epsilon)
    users, items = (draw.normal(0, 0.3, (n, 4)).astype(np.float32) for n in plays.shape)
    strength = mllib_strength(plays, 8.0)
    n_rows = np.count_nonzero(dense.sum(0)) + np.count_nonzero(dense.sum(1))
    # what all rows together are penalized with is that of eq. 3
    assert strength * 2 * np.count_nonzero(dense) == pytest.approx(8.0 * n_rows)
    assert_allclose(
        mllib_objective(confidences, users, items, strength),
        slow_objective(dense, users, items, strength),
        rtol=1e-5,
    )
    items[5] = 0  # which nobody has played
    better = slow_rows(dense.T, users.astype(float), strength)
    before, after = (slow_objective(dense, users, songs, strength) for songs in (items, better))
    songs_alone = after - strength * float((np.count_nonzero(dense, 1) * np.square(users).sum(1)).sum())
    left = left_to_gain(confidences, Factorization(users, items, []), strength)
    assert left == pytest.approx(2 * (before - after) / songs_alone, rel=1e-4)
    settled = Factorization(users, better.astype(np.float32), [])
    assert left_to_gain(confidences, settled, strength) == pytest.approx(0, abs=1e-6)


def test_numbers_are_searched_for_the_exact_factorization_alone() -> None:
    numbers = {"factors": 4, "alpha": 2.0, "epsilon": 0.1, "regularization": "auto", "iterations": 5}
    assert check_params(numbers, "p", WmfSettings).factorizer == "exact"
    with pytest.raises(UserError, match="factorizer='spark_als' wants numbers"):
        check_params(numbers | {"factorizer": "spark_als"}, "p", WmfSettings)


def test_what_is_missing_is_told_with_the_line_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("earshot.spark.find_spec", lambda _: True)  # as if it were installed
    with pytest.raises(UserError, match="apt-get install openjdk"), spark_session("local[1]", "x"):
        pass
    monkeypatch.setattr("earshot.spark.find_spec", lambda _: None)
    with (
        pytest.raises(UserError, match=r"x: .*pip install 'earshot\[spark\]'"),
        spark_session("local[1]", "x"),
    ):
        pass


def test_who_does_not_ask_for_spark_does_not_import_it() -> None:
    code = "import sys, earshot.cli.main, earshot.stages.wmf_factors, earshot.datasets.spark_table\n"
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}print('pyspark' in sys.modules)"], capture_output=True
    )
    assert ran.stdout == b"False\n", ran.stderr


@pytest.mark.soak
def test_a_half_step_is_the_least_of_mllibs_objective(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays = some_plays()
    dense, strength = plays.toarray().astype(float), mllib_strength(plays, WMF.regularization)
    monkeypatch.setattr("earshot.factors.spark_als._PLAYS_A_BLOCK", 100)
    with small_spark(tmp_path, monkeypatch):
        one, again = (fit_by_spark(plays, WMF, 3, f"local[{n}]", tmp_path / "work") for n in (2, 1))
    assert not (tmp_path / "work").exists()
    expected = slow_rows(dense, one.item_factors.astype(float), strength)
    assert_allclose(one.user_factors, expected, atol=1e-6)
    assert (
        np.abs(one.user_factors - slow_rows(dense, one.item_factors.astype(float), 8.0, False)).max() > 0.01
    )
    assert_array_equal(one.item_factors[5], np.zeros(4))
    assert_allclose(one.objective[0], slow_objective(dense, 0 * one.user_factors, one.item_factors * 0, 1.0))
    assert one.objective[1] < one.objective[0]
    assert_array_equal(again.user_factors, one.user_factors)
    eq_3 = objective(confidence(plays, 2.0, 0.1), one.user_factors, one.item_factors, 8.0)
    assert one.objective[1] != pytest.approx(eq_3, rel=1e-3)
