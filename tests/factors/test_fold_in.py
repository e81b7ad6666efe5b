from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from earshot.errors import UserError
from earshot.factors.solves import solve_items_with_prediction, solve_rows


def _songs(seed: int) -> tuple[csr_array, np.ndarray]:
    draw = np.random.default_rng(seed)
    played = draw.random((12, 40)) < draw.random((12, 1)) * 0.5
    confidence = csr_array((played * draw.uniform(1, 30, played.shape)).astype(np.float32))
    return confidence, draw.normal(size=(40, 3)).astype(np.float32)


def test_a_fold_in_that_can_be_checked_by_eye() -> None:
    # one factor, listeners at 1 and 2, the first has played with c = 3, lambda = 4:
    # (1 + 4 + 4 + (3 - 1) * 1) y = 3 * 1
    confidence = csr_array(np.array([[3.0, 0.0]], dtype=np.float32))
    listeners = np.array([[1.0], [2.0]], dtype=np.float32)
    assert_allclose(solve_rows(confidence, listeners, 4.0), [[3 / 11]])
    # with y_hat = 1 and n0 = 2: 11 y = 3 + 1 / 2 * (1 + 4 + 4) * 1
    prediction = np.ones((1, 1), dtype=np.float32)
    assert_allclose(solve_items_with_prediction(confidence, listeners, 4.0, prediction, 2.0), [[7.5 / 11]])


@given(seed=st.integers(0, 1000))
def test_fold_in_is_implicits_exact_row_solve(seed: int) -> None:
    confidence, users = _songs(seed)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(3, regularization=2.0, alpha=1.0, use_cg=False)
    model.user_factors = users
    expected = model.recalculate_item(np.arange(12), csr_matrix(confidence))
    assert_allclose(solve_rows(confidence, users, 2.0), expected, atol=1e-5)


@given(seed=st.integers(0, 1000), n0=st.just(0.0) | st.floats(0.01, 1000))
def test_prediction_prior_is_its_formula(seed: int, n0: float) -> None:
    confidence, users = _songs(seed)
    predicted = np.random.default_rng(seed + 1).normal(size=(12, 3)).astype(np.float32)
    mixed = solve_items_with_prediction(confidence, users, 2.0, predicted, n0)
    shared = users.T.astype(float) @ users + 2.0 * np.eye(3)
    for row, y_hat, y in zip(confidence.toarray().astype(float), predicted, mixed, strict=True):
        n, heard = np.count_nonzero(row), users[row > 0].astype(float)
        c, w = row[row > 0], max(0.0, 1 - n / n0) if n and n0 else float(n == 0)
        left = shared + heard.T @ np.diag(c - 1) @ heard
        right = heard.T @ c + w * shared @ y_hat
        assert_allclose(y, np.linalg.solve(left, right), atol=2e-5)


def test_without_listeners_the_prediction_stands_exactly_and_with_many_wmf() -> None:
    confidence, users = _songs(5)
    predicted = np.random.default_rng(6).normal(size=(12, 3)).astype(np.float32)
    nobody = csr_array(confidence.shape, dtype=np.float32)
    assert_array_equal(solve_items_with_prediction(nobody, users, 2.0, predicted, 0.0), predicted)
    assert_array_equal(solve_items_with_prediction(nobody, users, 2.0, predicted, 10.0), predicted)
    some = np.diff(confidence.indptr) > 0
    wmf = solve_rows(confidence, users, 2.0)
    assert_allclose(
        solve_items_with_prediction(confidence, users, 2.0, predicted, 0.0)[some], wmf[some], atol=1e-5
    )


def test_a_song_stays_where_its_sound_rightly_puts_it_if_n0_listeners_come_in_all() -> None:
    draw = np.random.default_rng(3)
    users = draw.normal(size=(40, 3)).astype(np.float32)
    listeners = draw.choice(40, 6, replace=False)
    twos = list(combinations(listeners, 2))  # each pair of the six as the first two; c = 1
    rows = np.zeros((1 + len(twos), 40), dtype=np.float32)
    rows[0, listeners] = 1
    for row, pair in zip(rows[1:], twos, strict=True):
        row[list(pair)] = 1
    right = solve_rows(csr_array(rows[:1]), users, 2.0)
    predicted = np.repeat(right, len(twos), axis=0)
    fair, shrunk = (
        solve_items_with_prediction(csr_array(rows[1:]), users, 2.0, predicted, n0).mean(axis=0)
        for n0 in (6.0, 3.0)
    )
    assert_allclose(fair, right[0], atol=1e-6)
    # n0 = 3 takes the two for all but one: 2/6 from plays and 1/3 from the sound are left
    assert_allclose(shrunk, right[0] * (2 / 6 + 1 / 3), atol=1e-6)


def test_equations_without_a_unique_solution_name_the_parameter() -> None:
    confidence = csr_array(np.array([[1.0, 0.0]], dtype=np.float32))
    with pytest.raises(UserError, match=r"wmf_factors\.regularization=0\.0"):
        solve_rows(confidence, np.zeros((2, 3), dtype=np.float32), 0.0)
