"""Every system of the paper, and what else must be beaten, over folds and seeds: one table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import pandas as pd

from earshot.checks import beats, check
from earshot.columns import USER_ID
from earshot.evaluation import tables
from earshot.evaluation.judging import KINDS, describe_kind, evaluate_all, judge_kinds
from earshot.evaluation.protocol import METRICS, ColdStart, Metric, Result, measure, pool
from earshot.files import write_json, write_table
from earshot.processes import progress
from earshot.stages.paths import Paths
from oord_2013.fold import Fold, make_fold
from oord_2013.look import write_look
from oord_2013.page import draw_page
from oord_2013.params import Oord2013
from oord_2013.systems import BOUND, CANDIDATE, make_systems, shuffled

PARAMS = Oord2013

ORDER = ("random", "linear_bow", CANDIDATE, BOUND)
"""As the paper has it."""


@dataclass(frozen=True)
class Run:
    """One fold with one seed.

    Attributes
    ----------
    results
        By system.
    kinds
        Candidates of each of `judging.KINDS` apart, and results by system among them.
    shuffled
        Each permutation of the candidate's vectors.
    """

    fold: int
    seed: int
    results: dict[str, Result]
    kinds: dict[str, tuple[ColdStart, dict[str, Result]]]
    shuffled: list[Result]
    protocol: dict[str, Any]
    per_user: pd.DataFrame
    per_song: pd.DataFrame


def run(paths: Paths, params: Oord2013) -> dict[str, Any]:
    """Write metrics.json, tables beside it, report.html, and `look.Look`."""
    pairs = list(product(params.folds.held_out, params.folds.seeds))
    watched = progress(pairs, description="Folds and seeds", unit="runs")
    runs = [_run(make_fold(paths, params, fold, seed), fold, params) for fold, seed in watched]
    write_look(paths.output / "first_run", make_fold(paths, params, *pairs[0]), CANDIDATE)
    pooled = _pool([run.results for run in runs])
    k = params.evaluation.k
    metrics = _metrics(runs, pooled, params)
    differences, kinds = tables.differences(pooled, k), _kinds(runs, params)
    write_json(paths.output / "metrics.json", metrics)
    write_json(paths.output / "differences.json", differences)
    write_json(paths.output / "known_and_cold_artists.json", kinds)
    for name, lines in (("per_user", [r.per_user for r in runs]), ("per_song", [r.per_song for r in runs])):
        write_table(paths.output / f"{name}.parquet", pd.concat(lines, ignore_index=True))
    (paths.output / "report.html").write_text(
        draw_page(metrics, differences, kinds, params), encoding="utf-8"
    )
    return _summary(metrics, differences, k)


def _run(fold: Fold, number: int, params: Oord2013) -> Run:
    settings, cold_start = params.evaluation, fold.cold_start
    systems = make_systems(fold)
    results = evaluate_all(systems, cold_start, settings.k)
    again = [measure(shuffled(fold, seed), cold_start, settings.k) for seed in range(settings.shuffles)]
    user_ids = pd.read_parquet(fold.training_set / "users.parquet")[USER_ID]
    which = {"fold": number, "seed": fold.seed}
    return Run(
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


def _kinds(runs: list[Run], params: Oord2013) -> dict[str, Any]:
    """As `judging.Judgement.kinds`; candidates of all folds."""
    kinds: dict[str, Any] = {}
    for kind in KINDS:
        there = [run for run in runs if run.kinds[kind][1]]
        folds = [run.kinds[kind][0] for run in there if run.seed == there[0].seed]
        answers = [run.kinds[kind][1] for run in there]
        kinds[kind] = describe_kind(folds, _pool(answers), params.evaluation.k) if there else None
    return kinds


def _metrics(runs: list[Run], pooled: dict[str, Result], params: Oord2013) -> dict[str, Any]:
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


def _permutations(runs: list[Run], seeds: list[int], metric: Metric) -> list[float]:
    """What each permutation of each seed gave over the listeners of all folds, ascending."""
    by_seed = ([run.shuffled for run in runs if run.seed == seed] for seed in seeds)
    # for each seed and permutation its results in all folds
    dealt = [folds for of_seed in by_seed for folds in zip(*of_seed, strict=True)]
    means = (np.nanmean(np.concatenate([fold.per_user[metric] for fold in folds])) for folds in dealt)
    return sorted(round(float(mean), 6) for mean in means)


def _summary(metrics: dict[str, Any], differences: dict[str, Any], k: int) -> dict[str, Any]:
    shown = (f"map_at_{k}", "auc")
    values = {f"{name}_{key}": found[key] for name, found in metrics["systems"].items() for key in shown}
    return {**values, "checks": [_order(differences, low, high) for low, high in pairwise(ORDER)]}


def _order(differences: dict[str, Any], low: str, high: str) -> dict[str, Any]:
    found = differences[f"{high}_minus_{low}"]
    return check(
        beats(high, low),
        f"{high} ranks cold songs better than {low}, as in the paper: paired intervals over artists",
        passed=found["beats"],
        observed=str(found["auc_ci95_artists"]),
        expected="above 0, and mAP not below",
    )
