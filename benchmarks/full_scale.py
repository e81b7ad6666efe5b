"""The Taste Profile's size from file to evaluation: seconds and memory of every step.

    python benchmarks/full_scale.py [ROWS] [ITERATIONS] [LISTENERS]

The look-alike of `play_counts.py` (48,373,586 rows, 1,019,318 users, 384,546 songs; fewer ROWS scale the
others down) becomes a delivery, is taken in, validated and counted, each by its own command in a
clone of the project. One song in five is held out, the others' plays are factorized with 50 factors,
the held-out ones folded in, and LISTENERS of their listeners asked, with random vectors beside.

400 factors are not factorized: one iteration on the plays of the 2,000 busiest users and songs, and one
on 4,000 of each at random, give the cost of a play and of a row, and these what an iteration on all
would take; the same at 50 factors stands beside what was measured. Seconds are of the wall clock,
with all cores; cpu_seconds of all threads.

The last line is JSON: rows, users, songs, by step seconds, cpu_seconds and peak_gb, iterations,
auc_random, auc_bound, and estimates.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from play_counts import ROWS, look_alike
from scipy.optimize import nnls
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import read_play_counts
from earshot.catalogue.split import cold
from earshot.evaluation.protocol import ColdStart, System, measure, random_system
from earshot.factors.solves import confidence, solve_rows
from earshot.factors.wmf import fit
from earshot.params import Split

PROJECT = Path(__file__).parents[1]
ALPHA, EPSILON, REGULARIZATION = 2.0, 1e-6, 100.0
FACTORS, MANY_FACTORS = 50, 400
SAMPLED = 2_000
Made = TypeVar("Made")
Steps = dict[str, dict[str, float]]


def main(n_rows: int = ROWS, iterations: int = 15, listeners: int = 20_000) -> None:
    """Run every step in a temporary folder."""
    steps: Steps = {}
    with tempfile.TemporaryDirectory() as folder:
        root, triplets, delivery = Path(folder, "clone"), Path(folder, "triplets.txt"), Path(folder, "msd")
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(root)], check=True)
        look_alike(triplets, n_rows)
        earshot = [sys.executable, "-m", "earshot"]
        _command(steps, "import", root, *earshot, "import", "msd", str(triplets), "--output", str(delivery))
        triplets.unlink()
        _command(steps, "ingest", root, *earshot, "ingest", str(delivery))
        _command(steps, "play_counts", root, "dvc", "repro", "--quiet", "--single-item", "play_counts")
        model = [sys.executable, __file__, "model", str(root), str(iterations), str(listeners)]
        told = json.loads(_command(steps, "model", root, *model).splitlines()[-1])
    steps |= told.pop("steps")
    print(json.dumps({**told, "steps": steps}))


def _command(steps: Steps, name: str, root: Path, *command: str) -> str:
    """Run it, note what it took, return what it printed."""
    environment = os.environ | {
        "PYTHONPATH": "src",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    started, written = time.perf_counter(), Path(root, ".git", "told")
    with written.open("w") as output:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name}: {written.read_text()}")
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    steps[name] = {key: round(value, 1) for key, value in took.items()}
    steps[name]["peak_gb"] = round(usage.ru_maxrss / 1e6, 2)
    print(f"{name}: {steps[name]}", flush=True)
    return written.read_text()


def model(root: Path, iterations: int, listeners: int) -> None:
    """Factorize, fold in, evaluate, estimate; the last line is JSON."""
    steps: Steps = {}
    counts = _noted(steps, "read", lambda: read_play_counts(root / "data" / "play_counts"))
    songs = counts.song_ids.tolist()
    is_cold = cold(songs, [""] * len(songs), Split(by="song", folds=5, fold=0))
    confidences = confidence(counts.matrix, ALPHA, EPSILON)
    warm, held_out = csr_array(confidences[:, ~is_cold]), csr_array(confidences[:, is_cold])
    before = _resident_gb()
    found = _noted(steps, "factorize", lambda: _fit(warm, FACTORS, iterations))
    copies = (_peak_gb() - before) / (sum(warm.shape) * FACTORS * 4 / 1e9)
    bound = _noted(
        steps, "fold_in", lambda: solve_rows(csr_array(held_out.T), found.user_factors, REGULARIZATION)
    )
    question = _question(held_out, warm, counts.song_ids[is_cold], listeners)
    system = System(found.user_factors, bound)
    judged = _noted(steps, "evaluate", lambda: measure(system, question))
    chance = measure(random_system(len(counts.user_ids), len(bound), 0), question)
    told: dict[str, Any] = {"rows": counts.matrix.nnz, "users": len(counts.user_ids), "songs": len(songs)}
    told |= {"factors": FACTORS, "iterations": iterations, "candidates": len(bound)}
    told |= {"listeners": len(question.users), "steps": steps}
    told |= {"auc_random": round(chance.value("auc"), 4), "auc_bound": round(judged.value("auc"), 4)}
    for factors in (FACTORS, MANY_FACTORS):
        told[f"estimated_cpu_seconds_an_iteration_{factors}"] = round(_estimate(warm, factors), 1)
    told[f"estimated_peak_gb_{MANY_FACTORS}"] = round(
        before + copies * sum(warm.shape) * MANY_FACTORS * 4 / 1e9, 1
    )
    print(json.dumps(told))


def _noted(steps: Steps, name: str, function: Callable[[], Made]) -> Made:
    started, cpu = time.perf_counter(), time.process_time()
    made = function()
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    steps[name] = {key: round(value, 1) for key, value in took.items()} | {"peak_gb": round(_peak_gb(), 2)}
    return made


def _fit(confidences: csr_array, factors: int, iterations: int) -> Any:
    return fit(confidences, factors=factors, regularization=REGULARIZATION, iterations=iterations, seed=0)


def _question(held_out: csr_array, warm: csr_array, song_ids: Any, listeners: int) -> ColdStart:
    """Some of those who played a held-out song and another one; each song is its own artist."""
    asked = np.flatnonzero((np.diff(held_out.indptr) > 0) & (np.diff(warm.indptr) > 0))
    users = np.sort(np.random.default_rng(0).permutation(asked)[:listeners])
    positives = csr_array(held_out[users] > 0)
    return ColdStart(song_ids, song_ids, np.zeros(len(song_ids), bool), users, positives)


def _estimate(confidences: csr_array, factors: int) -> float:
    """CPU seconds of an iteration on all: each play is met twice, each user and song solved once."""
    by_user, by_song = (
        np.diff(confidences.indptr),
        np.bincount(confidences.indices, minlength=confidences.shape[1]),
    )
    busy = confidences[np.argsort(-by_user)[:SAMPLED]][:, np.argsort(-by_song)[:SAMPLED]]
    draw = np.random.default_rng(0)
    any_users, any_songs = (np.sort(draw.permutation(n)[: 2 * SAMPLED]) for n in confidences.shape)
    sizes, seconds = [], []
    for part in (csr_array(busy), csr_array(confidences[any_users][:, any_songs])):
        started = time.process_time()
        _fit(part, factors, 1)
        seconds.append(time.process_time() - started)
        sizes.append(_size(part))
    a_play_and_a_row, _ = nnls(np.array(sizes, float), np.array(seconds))
    return float(np.array(_size(confidences)) @ a_play_and_a_row)


def _size(confidences: csr_array) -> tuple[int, int]:
    """Plays, met twice in an iteration, and users and songs that have some."""
    users = np.count_nonzero(np.diff(confidences.indptr))
    return 2 * confidences.nnz, users + len(np.unique(confidences.indices))


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _resident_gb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss / 1e9)


if __name__ == "__main__":
    if sys.argv[1:2] == ["model"]:
        model(Path(sys.argv[2]), *map(int, sys.argv[3:]))
    else:
        main(*map(int, sys.argv[1:]))
