"""Systems that anything must beat: they know nothing of the songs."""

from __future__ import annotations

import numpy as np

from earshot.evaluation.protocol import System

_RANDOM_LENGTH = 64


def random_system(n_all_users: int, n_candidates: int, seed: int) -> System:
    """Random vectors on both sides: every user has another random order."""
    rng = np.random.default_rng(seed)
    return System(
        rng.standard_normal((n_all_users, _RANDOM_LENGTH)),
        rng.standard_normal((n_candidates, _RANDOM_LENGTH)),
    )


def shuffled_content(system: System, seed: int) -> System:
    """`system` with its item vectors permuted among the candidates."""
    order = np.random.default_rng(seed).permutation(len(system.item_vectors))
    return System(system.user_vectors, system.item_vectors[order])
