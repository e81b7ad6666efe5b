"""Blocks of rows, whoever solves them, are the bytes of implicit's own fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from earshot.errors import UserError
from earshot.factors.wmf import Factorization, fit
from tests.executors.here import executing_here


def confidences(seed: int, n_users: int, n_items: int, share: float) -> csr_array:
    """Some rows and columns are without plays, and one has all."""
    draw = np.random.default_rng(seed)
    dense = (1 + draw.exponential(5, (n_users, n_items))) * (draw.random((n_users, n_items)) < share)
    dense[draw.integers(n_users)] = 2.0
    dense[draw.random(n_users) < 0.2] = 0
    dense[:, draw.random(n_items) < 0.2] = 0
    dense[0, 0] = 1.5
    return csr_array(dense.astype(np.float32))


def same(one: Factorization, other: Factorization) -> bool:
    arrays = (one.user_factors, other.user_factors), (one.item_factors, other.item_factors)
    return one.objective == other.objective and all(a.tobytes() == b.tobytes() for a, b in arrays)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    n_users=st.integers(1, 60),
    n_items=st.integers(1, 60),
    share=st.floats(0, 1),
    factors=st.integers(1, 20),
    workers=st.integers(1, 9),
)
def test_blocks_are_the_bytes_of_one_process(
    seed: int, n_users: int, n_items: int, share: float, factors: int, workers: int
) -> None:
    plays = confidences(seed, n_users, n_items, share)
    numbers = {"factors": factors, "regularization": 5.0, "iterations": 2, "seed": seed}
    whole = fit(plays, **numbers)
    with executing_here(workers):
        assert same(fit(plays, **numbers), whole)


def test_what_blocks_have_begun_goes_on_to_the_same_bytes_with_or_without_them() -> None:
    plays, kept = confidences(0, 50, 40, 0.3), list[Factorization]()
    numbers = {"factors": 6, "regularization": 5.0, "iterations": 5, "seed": 0}
    whole = fit(plays, **numbers)
    with executing_here(3):
        assert same(fit(plays, **numbers, keep=kept.append), whole)
        assert same(fit(plays, **numbers, start=kept[1]), whole)
    assert len(kept) == 5
    assert same(fit(plays, **numbers, start=kept[2]), whole)


def test_equations_without_a_unique_solution_are_told_from_a_block_too() -> None:
    plays = csr_array(np.array([[2.0, 0], [0, 0]], np.float32))
    with executing_here(2), pytest.raises(UserError, match=r"wmf_factors.regularization=0.0: the least-sq"):
        fit(plays, factors=3, regularization=0.0, iterations=3, seed=0)
