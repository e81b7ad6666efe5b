"""Claim: a factorization takes at most 5 % longer than a bare call of implicit's exact solver.

    python benchmarks/wmf.py [USERS] [SONGS] [PLAYS] [FACTORS] [ITERATIONS] [ROUNDS]

`earshot.factors.wmf.fit` as the stage wmf_factors calls it: with eq. 3 after every iteration, and
every iteration kept on disk. The rival, and the floor, is `fit` of
implicit's AlternatingLeastSquares with use_cg=False, on the same plays (users and songs of power-law
popularity) from the same first factors, as often. CPU time of one thread.

The last line is JSON: users, songs, plays, factors, iterations, rounds, seconds, x_bare, peak_gb.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_array, csr_matrix
from turns import median_seconds, timed

from earshot.factors.solves import confidence
from earshot.factors.wmf import Factorization, fit

ALPHA, EPSILON, REGULARIZATION = 2.0, 1e-6, 100.0


def main(
    n_users: int = 20_000,
    n_songs: int = 10_000,
    n_plays: int = 1_000_000,
    factors: int = 50,
    iterations: int = 5,
    rounds: int = 5,
) -> None:
    """Let the two take turns, print."""
    plays = power_law_plays(n_users, n_songs, n_plays)
    confidences = confidence(plays, ALPHA, EPSILON)
    first = [np.random.default_rng(0).normal(0, 0.01, (n, factors)).astype(np.float32) for n in plays.shape]
    with tempfile.TemporaryDirectory() as folder:
        ours = partial(fitted, confidences, first, iterations, Path(folder) / "factorization.npz")
        bare = partial(bare_fit, confidences, first, iterations)
        check_equal(ours(), bare())
        ways = {
            name: partial(timed, time.process_time, way) for name, way in (("ours", ours), ("bare", bare))
        }
        seconds = median_seconds(ways, rounds)
    print(f"{iterations} iterations: {seconds}")
    result = {"users": n_users, "songs": n_songs, "plays": plays.nnz, "factors": factors}
    result |= {"iterations": iterations, "rounds": rounds, "seconds": round(seconds["ours"], 3)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        json.dumps(
            result | {"x_bare": round(seconds["ours"] / seconds["bare"], 4), "peak_gb": round(peak, 2)}
        )
    )


def power_law_plays(n_users: int, n_songs: int, n_plays: int) -> csr_array:
    """Play counts of about `n_plays` different pairs."""
    draw = np.random.default_rng(0)
    users = (n_users * draw.random(2 * n_plays) ** 1.5).astype(np.int64)
    songs = (n_songs * draw.random(2 * n_plays) ** 3).astype(np.int64)
    pairs = np.unique(users * n_songs + songs)
    pairs = np.sort(draw.choice(pairs, min(n_plays, len(pairs)), replace=False))
    users, songs = (pairs // n_songs).astype(np.int32), (pairs % n_songs).astype(np.int32)
    return csr_array((draw.geometric(0.3, len(pairs)).astype(np.float32), (users, songs)), (n_users, n_songs))


def fitted(
    confidences: csr_array, first: list[np.ndarray], iterations: int, kept: Path
) -> tuple[np.ndarray, np.ndarray]:
    found = fit(
        confidences,
        factors=first[0].shape[1],
        regularization=REGULARIZATION,
        iterations=iterations,
        seed=0,
        start=Factorization(*first, []),
        keep=lambda state: np.savez(kept, **vars(state)),
    )
    return found.user_factors, found.item_factors


def bare_fit(
    confidences: csr_array, first: list[np.ndarray], iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rival."""
    model = AlternatingLeastSquares(
        first[0].shape[1], regularization=REGULARIZATION, alpha=1.0, use_cg=False, iterations=iterations
    )
    model.user_factors, model.item_factors = (factors.copy() for factors in first)
    model.fit(csr_matrix(confidences), show_progress=False)
    return model.user_factors, model.item_factors


def check_equal(ours: tuple[np.ndarray, np.ndarray], bare: tuple[np.ndarray, np.ndarray]) -> None:
    """Refuse to compare two ways that do not give the same."""
    if not all(np.array_equal(*pair) for pair in zip(ours, bare, strict=True)):
        raise SystemExit("the factors differ")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
