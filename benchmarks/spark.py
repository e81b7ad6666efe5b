"""What MLlib's implicit ALS makes of the same plays and numbers, beside the exact factorization.

    python benchmarks/spark.py WORKSPACE [THREADS]

WORKSPACE is one in which a training was run; it is only read. Its training set is factorized with the numbers
of its wmf_factors: exactly, exactly from other first factors (`seed`: so much is chance), by Spark
(`spark_als`), by Spark with lambda taken as its regParam, and by Spark with the listeners solved exactly
against its songs, as they are when they are served (`spark_solved_again`). Compared are scores of all
listeners for all warm songs (Pearson), and how cold songs are ranked: by their listeners, folded in against
the listeners of that way (`bound`), and by a ridge from statistics of their sound to the factors (`linear`).
Differences are to `exact`, paired, with 95 % intervals over artists. CPU seconds are those of Python and
Java, of starting and ending it too.

The last line is JSON: by way cpu_seconds, correlation, relative_eq_3, and for bound and linear auc and map
with their differences.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from earshot.arrays import positions_of
from earshot.baselines.linear import one_scale, unit_deviation
from earshot.baselines.shared_ridge import decompose
from earshot.catalogue.play_counts import read_play_counts
from earshot.columns import COLD, SONG_ID
from earshot.evaluation.protocol import Result, System, difference, evaluate, read_cold_start
from earshot.extraction.statistics import row_statistics
from earshot.factors.numbers import read_numbers
from earshot.factors.solves import confidence, solve_rows
from earshot.factors.spark_als import fit_by_spark, mllib_strength
from earshot.factors.wmf import Factorization, fit, objective
from earshot.params import WmfFactors
from earshot.store.reader import HyperImageStore

METRICS = ("auc", "map")
Ways = dict[str, tuple[float, np.ndarray, np.ndarray]]
"""By name CPU seconds, factors of listeners and of warm songs."""


def main(workspace: str, threads: str = "1") -> None:
    """Factorize in every way, judge, print."""
    data = Path(workspace) / "data"
    wmf, plays = read_numbers(data / "wmf_factors"), read_play_counts(data / "training_set")
    songs = pd.read_parquet(data / "training_set" / "songs.parquet")
    cold = np.isin(plays.song_ids, songs.loc[songs[COLD], SONG_ID].to_numpy(dtype=object))
    warm = csr_array(plays.matrix[:, ~cold])
    ways = factorized(warm, wmf, f"local[{threads}]")
    judge = Judge(data / "training_set", songs, plays.song_ids, ~cold)
    of_cold = confidence(plays.matrix[:, cold], wmf.alpha, wmf.epsilon).T.tocsr()
    found = {}
    for name, (seconds, users, items) in ways.items():
        folded_in = solve_rows(of_cold, users, wmf.regularization)
        found[name] = {
            "cpu_seconds": round(seconds, 1),
            "results": {
                "bound": judge.of(users, folded_in[judge.places_in(plays.song_ids[cold])]),
                "linear": judge.of(users, judge.predicted(items)),
            },
            "eq_3": objective(confidence(warm, wmf.alpha, wmf.epsilon), users, items, wmf.regularization),
            "scores": (users @ items.T).ravel(),
        }
    print(json.dumps({name: told(each, found["exact"]) for name, each in found.items()}))


def factorized(warm: csr_array, wmf: WmfFactors, master: str) -> Ways:
    """Every way that is compared."""
    confidences = confidence(warm, wmf.alpha, wmf.epsilon)
    as_it_is = replace(wmf, regularization=wmf.regularization**2 / mllib_strength(warm, wmf.regularization))
    ways: Ways = {}
    for name, seed in (("exact", 0), ("seed", 1)):
        before = cpu_seconds()
        fitted = fit(
            confidences,
            factors=wmf.factors,
            regularization=wmf.regularization,
            iterations=wmf.iterations,
            seed=seed,
        )
        ways[name] = (cpu_seconds() - before, fitted.user_factors, fitted.item_factors)
    for name, numbers in (("spark_als", wmf), ("spark_lambda_as_it_is", as_it_is)):
        before, by_spark = cpu_seconds(), spark_fit(warm, numbers, master)
        ways[name] = (cpu_seconds() - before, by_spark.user_factors, by_spark.item_factors)
        print(name, mllib_strength(warm, numbers.regularization), by_spark.objective, flush=True)
    seconds, _, items = ways["spark_als"]
    ways["spark_solved_again"] = (seconds, solve_rows(confidences, items, wmf.regularization), items)
    return ways


def spark_fit(warm: csr_array, wmf: WmfFactors, master: str) -> Factorization:
    """As the stage wmf_factors calls it."""
    with tempfile.TemporaryDirectory() as folder:
        return fit_by_spark(warm, wmf, 0, master, Path(folder) / "spark")


def cpu_seconds() -> float:
    """Of this process and of all that it has started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Judge:
    """The cold songs of a training set, and what their sound tells of their factors."""

    def __init__(self, training_set: Path, songs: pd.DataFrame, song_ids: Any, warm: np.ndarray) -> None:
        self._cold_start = read_cold_start(training_set)
        store = HyperImageStore.open(training_set / "hyper_images")
        statistics = np.stack(
            [row_statistics(store.frames(store.position(song_id))).ravel() for song_id in songs[SONG_ID]]
        )
        learn = np.isin(songs[SONG_ID].to_numpy(dtype=object), song_ids[warm])
        features = one_scale(unit_deviation(statistics, learn), learn)
        self._ridge = decompose(features[learn])
        self._learned = positions_of(song_ids[warm], songs.loc[learn, SONG_ID])
        self._features = features[positions_of(songs[SONG_ID], self._cold_start.song_ids)]

    def places_in(self, ids: Any) -> np.ndarray:
        """Where the songs asked about stand in `ids`."""
        return positions_of(ids, self._cold_start.song_ids)

    def predicted(self, items: np.ndarray) -> np.ndarray:
        """Factors of the songs asked about, from their sound."""
        return self._ridge.predict(items[self._learned], self._features)

    def of(self, users: np.ndarray, items: np.ndarray) -> Result:
        """How well these rank them."""
        return evaluate(System(users, items), self._cold_start)


def told(found: dict[str, Any], exact: dict[str, Any]) -> dict[str, Any]:
    """For the last line."""
    line: dict[str, Any] = {"cpu_seconds": found["cpu_seconds"]}
    line["correlation"] = None  # of factors that are all 0
    if found["scores"].any():
        line["correlation"] = round(float(np.corrcoef(found["scores"], exact["scores"])[0, 1]), 4)
    line["relative_eq_3"] = round(found["eq_3"] / exact["eq_3"], 4)
    for system, result in found["results"].items():
        line[system] = {}
        for metric in METRICS:
            apart = difference(result, exact["results"][system], metric)
            line[system][metric] = round(result.value(metric), 4)
            line[system][f"{metric}_more"] = [round(each, 4) for each in (apart.value, apart.low, apart.high)]
    return line


if __name__ == "__main__":
    main(*sys.argv[1:])
