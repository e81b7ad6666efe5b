import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from earshot.errors import UserError
from earshot.factors.wmf import Factorization, fit, fit_roughly, objective


def _confidence(seed: int, n_users: int = 30, n_items: int = 20) -> csr_array:
    draw = np.random.default_rng(seed)
    plays = draw.poisson(3, (n_users, n_items)) * (draw.random((n_users, n_items)) < 0.3)
    return csr_array(np.where(plays > 0, 1 + 2 * np.log1p(plays / 1e-6), 0).astype(np.float32))


def _slow_objective(
    confidence: csr_array, users: np.ndarray, items: np.ndarray, regularization: float
) -> float:
    dense, total = confidence.toarray(), 0.0
    for u, x in enumerate(users.astype(float)):
        for i, y in enumerate(items.astype(float)):
            c, p = (dense[u, i], 1.0) if dense[u, i] > 0 else (1.0, 0.0)
            total += c * (p - x @ y) ** 2
    return total + regularization * float((users.astype(float) ** 2).sum() + (items.astype(float) ** 2).sum())


def _slow_rows(confidence: np.ndarray, fixed: np.ndarray, regularization: float) -> np.ndarray:
    solved = []
    for row in confidence:
        c, p = np.where(row > 0, row, 1.0), (row > 0).astype(float)
        left = fixed.T @ np.diag(c) @ fixed + regularization * np.eye(fixed.shape[1])
        solved.append(np.linalg.solve(left, fixed.T @ np.diag(c) @ p))
    return np.array(solved)


@given(seed=st.integers(0, 1000), regularization=st.floats(0, 100))
def test_objective_is_eq_3_over_all_pairs(seed: int, regularization: float) -> None:
    draw, confidence = np.random.default_rng(seed), _confidence(seed)
    users, items = draw.normal(size=(30, 3)).astype(np.float32), draw.normal(size=(20, 3)).astype(np.float32)
    slow = _slow_objective(confidence, users, items, regularization)
    assert_allclose(objective(confidence, users, items, regularization), slow, rtol=1e-9)


def test_an_iteration_is_the_dense_row_solve_of_users_then_items() -> None:
    confidence = _confidence(0)
    one = fit(confidence, factors=4, regularization=5.0, iterations=1, seed=1)
    two = fit(confidence, factors=4, regularization=5.0, iterations=2, seed=1)
    users = _slow_rows(confidence.toarray(), one.item_factors.astype(float), 5.0)
    assert_allclose(two.user_factors, users, atol=2e-6)
    assert_allclose(two.item_factors, _slow_rows(confidence.toarray().T, users, 5.0), atol=2e-6)


def test_objective_falls_at_every_iteration_and_is_that_of_the_factors() -> None:
    confidence = _confidence(2)
    fitted = fit(confidence, factors=4, regularization=5.0, iterations=10, seed=0)
    assert len(fitted.objective) == 10
    assert (np.diff(fitted.objective) <= 1e-6 * fitted.objective[0]).all()
    slow = _slow_objective(confidence, fitted.user_factors, fitted.item_factors, 5.0)
    assert_allclose(fitted.objective[-1], slow, rtol=1e-9)


def test_an_interrupted_fit_goes_on_to_the_same_bytes() -> None:
    confidence, kept = _confidence(3), list[Factorization]()
    whole = fit(confidence, factors=4, regularization=5.0, iterations=6, seed=0, keep=kept.append)
    rest = fit(confidence, factors=4, regularization=5.0, iterations=6, seed=0, start=kept[2])
    assert len(kept) == 6
    assert rest.objective == whole.objective
    assert_array_equal(rest.user_factors, whole.user_factors)
    assert_array_equal(rest.item_factors, whole.item_factors)


def test_a_listener_without_plays_has_zero_factors() -> None:
    confidence = _confidence(4).toarray()
    confidence[7] = 0
    fitted = fit(csr_array(confidence), factors=4, regularization=5.0, iterations=2, seed=0)
    assert_array_equal(fitted.user_factors[7], np.zeros(4))


def test_equations_without_a_unique_solution_name_the_parameter() -> None:
    confidence = csr_array(np.array([[5.0, 0.0], [0.0, 0.0]], dtype=np.float32))
    with pytest.raises(UserError, match=r"wmf_factors.regularization=0.0: .* larger value"):
        fit(confidence, factors=3, regularization=0.0, iterations=3, seed=0)


FITS = """
import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info
from earshot.factors.wmf import fit

def threads(_):
    print({each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"})

ones = csr_array(np.ones((3, 2), np.float32))
fit(ones, factors=2, regularization=1, iterations=1, seed=1, keep=threads)
"""


def test_blas_has_one_thread_and_nothing_warns_of_more_whatever_the_environment_says() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    environment |= {"OPENBLAS_NUM_THREADS": "4", "PYTHONPATH": "src"}
    ran = subprocess.run([sys.executable, "-c", FITS], env=environment, capture_output=True, text=True)
    assert ran.stdout == "{1}\n", ran.stderr
    assert not re.search("warn|openblas", ran.stderr, re.IGNORECASE), ran.stderr


def test_a_rough_fit_comes_to_nearly_the_same() -> None:
    confidence = _confidence(4, n_users=80, n_items=50)
    rough, whole = (
        how(confidence, factors=4, regularization=20.0, iterations=15, seed=1) for how in (fit_roughly, fit)
    )
    reached = objective(confidence, rough.user_factors, rough.item_factors, 20.0)
    assert reached == pytest.approx(whole.objective[-1], rel=0.005)
