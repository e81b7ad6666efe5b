"""One table of taggers, over ways of splitting, folds and seeds: the same for every paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from auto_tagging.measures import (
    METRICS,
    TagResult,
    describe,
    differences,
    permuted,
    pool,
    tag_metrics,
)
from auto_tagging.params import Tagging
from auto_tagging.protocol import TagFold, TagTask, make_tag_fold
from auto_tagging.systems import SHUFFLED_CONTENT, Make, Scores
from earshot.files import write_json, write_table
from earshot.processes import progress

TAG, SYSTEM = "tag", "system"


@dataclass(frozen=True)
class TagRun:
    """One fold of one way of splitting with one seed, and how each system tells its tags."""

    fold: TagFold
    results: dict[str, TagResult]


@dataclass(frozen=True)
class TagTable:
    """What `compare_taggers` found.

    Attributes
    ----------
    metrics
        The content of metrics.json.
    differences
        Way of splitting -> as of `measures.differences`.
    per_tag
        A line a way of splitting, fold, seed, system and tag: system, by, fold, seed, tag, n_songs held out
        that have it, auc, pr_auc; NaN where the tag is not on both sides.
    """

    metrics: dict[str, Any]
    differences: dict[str, dict[str, Any]]
    per_tag: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Every metric of every system, for the summary of a stage."""
        return {
            f"{name}_by_{by}_{metric}": values[metric]
            for by, found in self.metrics["splits"].items()
            for name, values in found["systems"].items()
            for metric in METRICS
        }


def compare_taggers(
    task: TagTask, params: Tagging, makes: Mapping[str, Make], candidate: str, work: Path
) -> TagTable:
    """Judge systems by name on the same folds; what an interrupted run has made is read.

    Parameters
    ----------
    makes
        By name, in the order of the table. What the `candidate` says, dealt to other songs, goes with them.
    work
        Folder for what is kept of each fold.
    """
    folds, ways = folds_of(task, params, work), params.folds.by
    watched = progress(folds, description="Ways of splitting, folds and seeds", unit="runs")
    runs = [TagRun(fold, judge(fold, makes, candidate)) for fold in watched]
    by_way = {by: [run for run in runs if run.fold.by == by] for by in ways}
    pooled = {by: _pool(some) for by, some in by_way.items()}
    metrics = {
        "splits": {by: _describe_way(by_way[by], pooled[by], params) for by in ways},
        "candidate": candidate,
        "protocol": _protocol(task, params),
    }
    return TagTable(metrics, {by: differences(found) for by, found in pooled.items()}, _per_tag(runs))


def folds_of(task: TagTask, params: Tagging, work: Path) -> list[TagFold]:
    """Every way of splitting, fold and seed; errors as of `make_tag_fold`."""
    settings = params.folds
    which = product(settings.by, settings.held_out, settings.seeds)
    return [make_tag_fold(task, params, by, number, seed, work) for by, number, seed in which]


def judge(fold: TagFold, makes: Mapping[str, Make], candidate: str) -> dict[str, TagResult]:
    """How each system tells the tags of one fold."""
    labels, artists = fold.task.labels[fold.test], fold.task.artists[fold.test]
    asked = (labels, artists, fold.judged)
    scores = {name: _scores(fold, name, make) for name, make in makes.items()}
    results = {name: tag_metrics(given, *asked) for name, given in scores.items()}
    return {SHUFFLED_CONTENT: permuted(scores[candidate], *asked, seed=fold.seed), **results}


def _scores(fold: TagFold, name: str, make: Make) -> Scores:
    return fold.kept(f"scores-{name}", lambda: make(fold))


def _pool(runs: Sequence[TagRun]) -> dict[str, TagResult]:
    return {name: pool([run.results[name] for run in runs]) for name in runs[0].results}


def _describe_way(runs: Sequence[TagRun], pooled: Mapping[str, TagResult], params: Tagging) -> dict[str, Any]:
    seeds = {seed: _pool([run for run in runs if run.fold.seed == seed]) for seed in params.folds.seeds}
    over_seeds = {
        name: {
            metric: [round(found[name].value(metric), 6) for found in seeds.values()] for metric in METRICS
        }
        for name in pooled
    }
    first = [run.fold for run in runs if run.fold.seed == params.folds.seeds[0]]
    return {
        "systems": {name: describe(result) for name, result in pooled.items()},
        "over_seeds": over_seeds,
        "folds": {str(fold.number): _describe_fold(fold) for fold in first},
    }


def _describe_fold(fold: TagFold) -> dict[str, Any]:
    artists = fold.task.artists
    tags = np.array(fold.task.tags, dtype=object)
    return {
        "songs": len(fold.test),
        "artists": len(set(artists[fold.test])),
        "artists_on_both_sides": len(set(artists[fold.test]) & set(artists[fold.learn])),
        "tags_not_on_both_sides": tags[~fold.judged].tolist(),
    }


def _protocol(task: TagTask, params: Tagging) -> dict[str, Any]:
    return {
        "column": params.tags.column,
        "folds": params.folds.folds,
        "held_out": params.folds.held_out,
        "by": params.folds.by,
        "seeds": params.folds.seeds,
        "songs": len(task.songs),
        "artists": len(set(task.artists)),
        "songs_by_tag": dict(zip(task.tags, task.labels.sum(axis=0).tolist(), strict=True)),
        "left_out": task.left_out,
    }


def _per_tag(runs: Sequence[TagRun]) -> pd.DataFrame:
    parts = []
    for run in runs:
        fold = run.fold
        asked: dict[str, Any] = {
            "by": fold.by,
            "fold": fold.number,
            "seed": fold.seed,
            TAG: fold.task.tags,
            "n_songs": fold.task.labels[fold.test].sum(axis=0),
        }
        parts += [
            pd.DataFrame({SYSTEM: name, **asked, **_columns(found)}) for name, found in run.results.items()
        ]
    return pd.concat(parts, ignore_index=True)


def _columns(result: TagResult) -> dict[str, Any]:
    return {metric: result.per_tag[metric] for metric in METRICS}


def write_table_of_tags(folder: Path, table: TagTable) -> None:
    """Write metrics.json, differences.json and per_tag.parquet into the output of a stage."""
    write_json(folder / "metrics.json", table.metrics)
    write_json(folder / "differences.json", table.differences)
    write_table(folder / "per_tag.parquet", table.per_tag)
