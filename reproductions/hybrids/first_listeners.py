"""All hybrids on songs as their first listeners come, over folds and seeds: one table, and served lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from comparison.claims import Claim, above, verdict, write_claims
from comparison.fold import make_fold
from comparison.foot import draw_sources
from comparison.page import draw_page
from comparison.table import Table
from earshot.errors import UserError
from earshot.evaluation import tables
from earshot.evaluation.protocol import METRICS, Result, evaluate, measure, pool
from earshot.files import write_json
from earshot.processes import progress
from earshot.stages.paths import Paths
from hybrids.page import draw_sections
from hybrids.params import Hybrids
from hybrids.question import Warming
from hybrids.served import describe_lists
from hybrids.systems import (
    CHOSEN,
    DESCRIPTIONS,
    MIXED,
    PLAYS,
    ROW_SOLVE,
    Case,
    Setting,
    all_systems,
    settings_of,
)

PARAMS = Hybrids

_NOT_KNOWN = "a survey: no figure"


@dataclass(frozen=True)
class DrawnRun:
    """One fold with one seed.

    Attributes
    ----------
    chosen, tried
        The setting of each of `CHOSEN`, and the mean AUC of all that were tried, by setting.
    results
        By number of listeners, then by system; none where too few songs have as many.
    """

    fold: int
    seed: int
    chosen: dict[str, Setting]
    tried: dict[str, dict[str, float]]
    results: dict[int, dict[str, Result]]


def run(paths: Paths, params: Hybrids) -> dict[str, Any]:
    """Write metrics.json, differences.json, lists.json, claims.json and report.html."""
    pairs = list(product(params.folds.held_out, params.folds.seeds))
    watched = progress(pairs, description="Folds and seeds", unit="runs")
    warmed = [Warming(make_fold(paths, params, fold, seed), params) for fold, seed in pairs]
    runs = [judge(warming, fold) for warming, (fold, _) in zip(warmed, watched, strict=True)]
    k = params.evaluation.k
    pooled = pool_all(runs)
    differences = tables.differences(pooled, k)
    metrics = _metrics(runs, pooled, warmed, params)
    lists = describe_lists(warmed[0], runs[0].chosen)
    claims = _claims(differences)
    for name, content in (("metrics", metrics), ("differences", differences), ("lists", lists)):
        write_json(paths.output / f"{name}.json", content)
    write_claims(paths.output, claims)
    table = Table(metrics, differences, {}, warmed[0].fold)
    more = draw_sections(metrics, lists)
    foot = draw_sources(
        paths.root,
        "reproductions/hybrids/dvc.yaml:first_listeners",
        ["data/raw_audio", "data/play_counts", "data/hyper_images"],
    )
    page = draw_page(table, claims, DESCRIPTIONS, ROW_SOLVE, "Burke 2002, hybrids", more, foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return table.summary(k)


def judge(warming: Warming, fold: int) -> DrawnRun:
    """Choose on one half of the artists, and show on the other. UserError where nobody can be asked."""
    first, k = warming.params.first_listeners, warming.params.evaluation.k
    cases = _cases(warming, warming.choosing)
    tried = {name: _try_all(name, grid, cases) for name, grid in settings_of(warming).items()}
    chosen = {name: max(found, key=lambda setting: found[setting]) for name, found in tried.items()}
    shown = {n: _cases(warming, ~warming.choosing, n) for n in first.listeners}
    results = {n: _evaluate_all(some, chosen, k) for n, some in shown.items() if some}
    if not results or not cases:
        raise UserError(
            f"no two songs of the fold have more than {min(first.listeners)} listeners, or only songs of one "
            "half of the artists do: wanted more plays, or other first_listeners.listeners"
        )
    by_name = {
        name: {f"{s:g}": tables.rounded(v) or 0.0 for s, v in found.items()} for name, found in tried.items()
    }
    return DrawnRun(fold, warming.fold.seed, chosen, by_name, results)


def _cases(warming: Warming, songs: np.ndarray, listeners: int | None = None) -> list[Case]:
    counts = warming.params.first_listeners.listeners if listeners is None else [listeners]
    started = [one for n in counts for one in warming.starts(songs, n)]
    return [Case(warming, one) for one in started if len(one.cold_start.users)]


def _try_all(name: str, grid: Sequence[Setting], cases: Sequence[Case]) -> dict[Setting, float]:
    """The mean AUC over draws and numbers of listeners, by setting."""
    make = CHOSEN[name]
    return {
        setting: float(
            np.nanmean([measure(make(case, setting), case.started.cold_start).value("auc") for case in cases])
        )
        for setting in grid
    }


def _evaluate_all(cases: Sequence[Case], chosen: Mapping[str, Setting], k: int) -> dict[str, Result]:
    found = [
        {
            name: evaluate(system, case.started.cold_start, k)
            for name, system in all_systems(case, chosen).items()
        }
        for case in cases
    ]
    return {name: pool([one[name] for one in found]) for name in found[0]}


def pool_all(runs: Sequence[DrawnRun], listeners: int | None = None) -> dict[str, Result]:
    """By system, over folds and seeds; over all numbers of listeners where none is given."""
    there = [
        results for run in runs for n, results in run.results.items() if listeners is None or n == listeners
    ]
    return {name: pool([results[name] for results in there]) for name in there[0]}


def _metrics(
    runs: Sequence[DrawnRun], pooled: Mapping[str, Result], warmed: Sequence[Warming], params: Hybrids
) -> dict[str, Any]:
    """The content of metrics.json, as every comparison has it, and `by_listeners`, `chosen` and `tried`."""
    k = params.evaluation.k
    by_seed = {seed: pool_all([run for run in runs if run.seed == seed]) for seed in params.folds.seeds}
    counts = sorted({n for run in runs for n in run.results})
    by_listeners = {n: pool_all(runs, n) for n in counts}
    shuffled = sorted(round(found["shuffled_content"].value("auc"), 6) for found in by_listeners.values())
    return {
        "systems": {name: tables.describe(result, k) for name, result in pooled.items()},
        "by_listeners": {
            str(n): {name: tables.describe(result, k) for name, result in found.items()}
            for n, found in by_listeners.items()
        },
        "minus_row_solve": {
            str(n): {
                name: tables.compare(found[name], found[ROW_SOLVE], k) for name in found if name != ROW_SOLVE
            }
            for n, found in by_listeners.items()
        },
        "over_seeds": {
            name: {
                tables.metric_name(metric, k): [
                    round(found[name].value(metric), 6) for found in by_seed.values()
                ]
                for metric in METRICS
            }
            for name in pooled
        },
        "permutations": {"auc": shuffled},
        "split": {"by": params.folds.by, "folds": params.folds.folds, "held_out": params.folds.held_out},
        "seeds": params.folds.seeds,
        "k": k,
        "draw": warmed[0].songs.draws[0],
        "mean_listeners": tables.rounded(warmed[0].mean_listeners),
        "chosen": [{"fold": run.fold, "seed": run.seed, **run.chosen} for run in runs],
        "tried": [{"fold": run.fold, "seed": run.seed, **run.tried} for run in runs],
        "protocol": {
            one.fold: tables.describe_protocol(warming.songs.cold_start.only(~warming.choosing), k)
            for one, warming in zip(runs, warmed, strict=True)
        },
    }


def _claims(differences: dict[str, Any]) -> list[Claim]:
    claims = [
        above(
            f"Sound and plays joined ({name}) find listeners better than plays alone",
            _NOT_KNOWN,
            differences,
            (name, PLAYS),
        )
        for name in ("weighted", "switching", "feature_combination", MIXED, "cascade")
    ]
    return [*claims, _row_solve(differences)]


def _row_solve(differences: dict[str, Any]) -> Claim:
    found = differences[f"{ROW_SOLVE}_minus_weighted"]
    low, high = found["auc_ci95_artists"]
    ends = "too few artists for an interval" if low is None else f"{low:+.4f} to {high:+.4f}"
    claim = "The row solve with the prediction as its prior is better than a weighted mean of both places"
    return Claim(claim, "earshot's own", f"auc {found['auc']:+.4f} ({ends})", verdict(low, high))
