"""Claim: all metrics of a system cost at most 1.5 times its bare scores at 50 factors, 1.2 times at 400.

    python benchmarks/evaluation.py [USERS] [SONGS] [POSITIVES] [ROUNDS]

mAP, recall and nDCG at 500, AUC and centred AUC of every user, through
`earshot.evaluation.protocol.measure`, without intervals (their replicates over artists are
another computation, and no part of the claim). The rival, and the floor, multiplies
the same float32 vectors, the same number of users at a time, and does nothing
with the scores. POSITIVES is the mean over users, with a long tail; each costs a pass over
the user's scores. CPU time of one thread.

The last line is JSON: users, songs, positives, rounds, seconds_small, seconds_large (of `measure`),
x_matmul_small, x_matmul_large, peak_gb.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from functools import partial

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from scipy.sparse import csr_array
from turns import median_seconds, timed

from earshot.evaluation.metrics import USERS_AT_ONCE
from earshot.evaluation.protocol import ColdStart, System, measure

FACTORS = {"small": 50, "large": 400}
CHECKED_USERS = 100


def main(n_users: int = 20_000, n_songs: int = 1_881, positives: int = 2, rounds: int = 31) -> None:
    """Measure at either length, print."""
    cold_start = question(n_users, n_songs, positives)
    result = {"users": n_users, "songs": n_songs}
    result |= {"positives": round(cold_start.positives.nnz / n_users, 2), "rounds": rounds}
    for size, factors in FACTORS.items():
        seconds = compare(cold_start, factors, rounds)
        print(f"{factors} factors: {seconds}")
        result[f"seconds_{size}"] = round(seconds["measure"], 4)
        result[f"x_matmul_{size}"] = round(seconds["measure"] / seconds["matmul"], 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(result | {"peak_gb": round(peak, 2)}))


def question(n_users: int, n_songs: int, mean_positives: int) -> ColdStart:
    """Users with a geometric number of positives, at least one; songs of four an artist."""
    draw = np.random.default_rng(0)
    n_positives = np.minimum(draw.geometric(1 / mean_positives, n_users), n_songs // 2)
    songs = [np.sort(draw.choice(n_songs, n, replace=False)) for n in n_positives]
    starts = np.concatenate([[0], np.cumsum(n_positives)])
    ones = np.ones(starts[-1], bool)
    return ColdStart(
        np.array([f"song-{song:06d}" for song in range(n_songs)], object),
        np.array([f"artist-{song // 4:06d}" for song in range(n_songs)], object),
        np.ones(n_songs, bool),
        np.arange(n_users),
        csr_array((ones, np.concatenate(songs), starts), (n_users, n_songs)),
    )


def compare(cold_start: ColdStart, factors: int, rounds: int) -> dict[str, float]:
    """Median seconds of measuring a random system, and of its scores alone."""
    draw = np.random.default_rng(factors)
    sizes = len(cold_start.users), len(cold_start.song_ids)
    system = System(*(draw.standard_normal((n, factors), np.float32) for n in sizes))
    check_equal(system, cold_start)
    ways = {"measure": lambda: measure(system, cold_start), "matmul": lambda: scores_alone(system)}
    return median_seconds(
        {name: partial(timed, time.process_time, way) for name, way in ways.items()}, rounds
    )


def scores_alone(system: System) -> None:
    """The rival."""
    for first in range(0, len(system.user_vectors), USERS_AT_ONCE):
        system.user_vectors[first : first + USERS_AT_ONCE] @ system.item_vectors.T


def check_equal(system: System, cold_start: ColdStart) -> None:
    """Refuse to time ranks that are not those of whole rankings in float64."""
    users, items = system.user_vectors[:CHECKED_USERS].astype(float), system.item_vectors.astype(float)
    order = np.argsort(-users @ items.T, axis=1)
    ranks = np.argsort(order, axis=1) + 1
    few = cold_start.positives[: len(users)].toarray()
    if not np.array_equal(measure(system, cold_start).positive_rank[: few.sum()], ranks[few]):
        raise SystemExit("the ranks are not those of the whole rankings")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
