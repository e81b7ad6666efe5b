"""Systems over folds and seeds in one table: numbers with their intervals, pairs with their differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from comparison.fold import Fold, make_fold
from comparison.params import Comparison
from comparison.systems import Make, make_systems, shuffled
from earshot.columns import USER_ID
from earshot.evaluation import tables
from earshot.evaluation.judging import KINDS, describe_kind, evaluate_all, judge_kinds
from earshot.evaluation.protocol import METRICS, ColdStart, Metric, Result, measure, pool
from earshot.files import write_json, write_table
from earshot.processes import progress
from earshot.stages.paths import Paths


@dataclass(frozen=True)
class Table:
    """What `compare` found.

    Attributes
    ----------
    metrics, differences, kinds
        The contents of metrics.json, differences.json and known_and_cold_artists.json.
    first
        The first fold with the first seed.
    """

    metrics: dict[str, Any]
    differences: dict[str, dict[str, Any]]
    kinds: dict[str, Any]
    first: Fold

    def summary(self, k: int) -> dict[str, Any]:
        """mAP and AUC of every system, for the summary of a stage."""
        shown = (f"map_at_{k}", "auc")
        found = self.metrics["systems"].items()
        return {f"{name}_{key}": values[key] for name, values in found for key in shown}


@dataclass(frozen=True)
class _Run:
    """One fold with one seed: results by system, candidates of each of `judging.KINDS` apart."""

    fold: int
    seed: int
    results: dict[str, Result]
    kinds: dict[str, tuple[ColdStart, dict[str, Result]]]
    shuffled: list[Result]
    protocol: dict[str, Any]
    per_user: pd.DataFrame
    per_song: pd.DataFrame


def compare(paths: Paths, params: Comparison, makes: Mapping[str, Make]) -> Table:
    """Judge the systems of `makes`, in its order, in every fold with every seed; goes on after a kill.

    Writes metrics.json, differences.json, known_and_cold_artists.json, per_user and per_song.parquet.
    """
    pairs = list(product(params.folds.held_out, params.folds.seeds))
    watched = progress(pairs, description="Folds and seeds", unit="runs")
    runs = [_run(make_fold(paths, params, fold, seed), fold, params, makes) for fold, seed in watched]
    pooled = _pool([run.results for run in runs])
    table = Table(
        _metrics(runs, pooled, params),
        tables.differences(pooled, params.evaluation.k),
        _kinds(runs, params),
        make_fold(paths, params, *pairs[0]),
    )
    write_json(paths.output / "metrics.json", table.metrics)
    write_json(paths.output / "differences.json", table.differences)
    write_json(paths.output / "known_and_cold_artists.json", table.kinds)
    for name, lines in (("per_user", [r.per_user for r in runs]), ("per_song", [r.per_song for r in runs])):
        write_table(paths.output / f"{name}.parquet", pd.concat(lines, ignore_index=True))
    return table


def _run(fold: Fold, number: int, params: Comparison, makes: Mapping[str, Make]) -> _Run:
    settings, cold_start = params.evaluation, fold.cold_start
    systems = make_systems(fold, makes)
    results = evaluate_all(systems, cold_start, settings.k)
    again = [measure(shuffled(fold, seed), cold_start, settings.k) for seed in range(settings.shuffles)]
    user_ids = pd.read_parquet(fold.training_set / "users.parquet")[USER_ID]
    which = {"fold": number, "seed": fold.seed}
    return _Run(
        number,
        fold.seed,
        results,
        judge_kinds(systems, cold_start, results, settings.k),
        again,
        tables.describe_protocol(cold_start, settings.k),
        tables.per_user(results, cold_start, user_ids).assign(**which),
        tables.per_song(results, cold_start).assign(**which),
    )


def _pool(answers: list[dict[str, Result]]) -> dict[str, Result]:
    return {name: pool([results[name] for results in answers]) for name in answers[0]}


def _kinds(runs: list[_Run], params: Comparison) -> dict[str, Any]:
    """As `judging.Judgement.kinds`; candidates of all folds."""
    kinds: dict[str, Any] = {}
    for kind in KINDS:
        there = [run for run in runs if run.kinds[kind][1]]
        folds = [run.kinds[kind][0] for run in there if run.seed == there[0].seed]
        answers = [run.kinds[kind][1] for run in there]
        kinds[kind] = describe_kind(folds, _pool(answers), params.evaluation.k) if there else None
    return kinds


def _metrics(runs: list[_Run], pooled: dict[str, Result], params: Comparison) -> dict[str, Any]:
    """The content of metrics.json: systems over all folds and seeds, what seeds differ by, the folds."""
    k = params.evaluation.k
    by_seed = {seed: _pool([run.results for run in runs if run.seed == seed]) for seed in params.folds.seeds}
    return {
        "systems": {name: tables.describe(result, k) for name, result in pooled.items()},
        "over_seeds": {
            name: {
                tables.metric_name(metric, k): [
                    round(results[name].value(metric), 6) for results in by_seed.values()
                ]
                for metric in METRICS
            }
            for name in pooled
        },
        "permutations": {
            tables.metric_name(metric, k): _permutations(runs, params.folds.seeds, metric)
            for metric in METRICS
        },
        "split": {"by": params.folds.by, "folds": params.folds.folds, "held_out": params.folds.held_out},
        "seeds": params.folds.seeds,
        "k": k,
        "protocol": {run.fold: run.protocol for run in runs},
    }


def _permutations(runs: list[_Run], seeds: list[int], metric: Metric) -> list[float]:
    """What each permutation of each seed gave over the listeners of all folds, ascending."""
    by_seed = ([run.shuffled for run in runs if run.seed == seed] for seed in seeds)
    # for each seed and permutation its results in all folds
    dealt = [folds for of_seed in by_seed for folds in zip(*of_seed, strict=True)]
    means = (np.nanmean(np.concatenate([fold.per_user[metric] for fold in folds])) for folds in dealt)
    return sorted(round(float(mean), 6) for mean in means)
