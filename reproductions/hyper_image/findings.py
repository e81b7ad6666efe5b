"""What was found, as it goes to metrics.json and per_snippet.parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from earshot.columns import ARTIST_ID, SONG_ID
from hyper_image.measures import (
    Answers,
    Doubles,
    at_least_chance,
    describe,
    join,
    measure,
    minus,
    replicates,
)
from hyper_image.params import LABEL, HyperImageParams
from hyper_image.snippets import SNIPPET, Catalogue, SnippetFold, ways
from hyper_image.song_level import LOGISTIC

MAJORITY = "majority"

Measured = Mapping[str, dict[str, Doubles]]
"""Metrics by system."""


@dataclass(frozen=True)
class FoldRun:
    """One fold of one way of splitting, and what each system says of its held-out snippets, and songs.

    `on_both_sides` counts songs and artists of which some snippets are held out, others not.
    """

    fold: SnippetFold
    answers: dict[str, Answers]
    of_songs: dict[str, Answers]
    on_both_sides: dict[str, int]


def describe_runs(catalogue: Catalogue, runs: Sequence[FoldRun], params: HyperImageParams) -> dict[str, Any]:
    """The content of metrics.json; every interval is over artists, of a difference paired."""
    n_artists, n_labels = int(catalogue.artist_numbers.max()) + 1, len(catalogue.labels)
    drawn = replicates(n_artists, params.bootstraps, params.folds.seed)
    by_split = {by: [run for run in runs if run.fold.by == by] for by in ways(params.folds)}
    measured = {by: _measure([run.answers for run in some], n_labels, drawn) for by, some in by_split.items()}
    of_songs = {
        by: _measure([run.of_songs for run in some], n_labels, drawn) for by, some in by_split.items()
    }
    metrics = {
        "splits": {by: _describe_split(measured[by], some, n_labels) for by, some in by_split.items()},
        "minus_majority": {by: _differences(found, MAJORITY, params) for by, found in measured.items()},
        "songs": {
            by: _describe_songs(found, by_split[by], catalogue, params) for by, found in of_songs.items()
        },
        "protocol": _protocol(catalogue, params),
    }
    if {"snippet", "artist"} <= measured.keys():
        metrics["snippet_minus_artist"] = {
            name: describe(minus(measured["snippet"][name], measured["artist"][name]))
            for name in params.networks
        }
    return metrics


def _measure(runs: Sequence[Mapping[str, Answers]], n_labels: int, drawn: np.ndarray) -> Measured:
    measured = {name: measure(join([run[name] for run in runs]), n_labels, drawn) for name in runs[0]}
    if MAJORITY in measured:
        measured[MAJORITY] = at_least_chance(measured[MAJORITY], n_labels)
    return measured


def _differences(measured: Measured, yardstick: str, params: HyperImageParams) -> dict[str, Any]:
    return {name: describe(minus(measured[name], measured[yardstick])) for name in params.networks}


def _describe_songs(
    measured: Measured, runs: Sequence[FoldRun], catalogue: Catalogue, params: HyperImageParams
) -> dict[str, Any]:
    asked = np.concatenate([run.fold.test for run in runs])
    return {
        "songs": int(catalogue.snippets[SONG_ID].iloc[asked].nunique()),
        "systems": {name: describe(values) for name, values in measured.items()},
        f"minus_{LOGISTIC}": _differences(measured, LOGISTIC, params),
    }


def _describe_split(measured: Measured, runs: Sequence[FoldRun], n_labels: int) -> dict[str, Any]:
    sides = {what: sum(run.on_both_sides[what] for run in runs) for what in runs[0].on_both_sides}
    return {
        "systems": {name: describe(values) for name, values in measured.items()},
        "folds": {str(run.fold.number): _describe_fold(run, n_labels) for run in runs},
        "on_both_sides": sides,
    }


def _describe_fold(run: FoldRun, n_labels: int) -> dict[str, Any]:
    answers = run.answers[MAJORITY]
    every = np.ones((int(answers.artists.max()) + 1, 1))  # a single column: each artist once
    systems = {
        name: {
            metric: round(float(values[0]), 6) for metric, values in measure(found, n_labels, every).items()
        }
        for name, found in run.answers.items()
    }
    n_artists = len(np.unique(answers.artists))
    return {"snippets": len(answers.artists), "artists": n_artists, "systems": systems}


def _protocol(catalogue: Catalogue, params: HyperImageParams) -> dict[str, Any]:
    songs = catalogue.songs[catalogue.songs[LABEL] != ""]
    return {
        "folds": params.folds.folds,
        "held_out": params.folds.held_out,
        "by": ways(params.folds),
        "snippet_seconds": params.training.window_seconds,
        "snippets": len(catalogue.snippets),
        "songs": len(songs),
        "artists": int(songs[ARTIST_ID].nunique()),
        f"songs_by_{params.labels.word}": {
            label: int((songs[LABEL] == label).sum()) for label in catalogue.labels
        },
        "songs_left_out": catalogue.left_out,
    }


def per_snippet(catalogue: Catalogue, runs: Sequence[FoldRun]) -> pd.DataFrame:
    """A line for each way of splitting, system and held-out snippet: the guess, and the rank of its label."""
    names = np.array(catalogue.labels, dtype=object)
    snippets = catalogue.snippets[[SNIPPET, SONG_ID, ARTIST_ID, LABEL]]
    parts = [
        snippets.iloc[run.fold.test].assign(
            by=run.fold.by, fold=run.fold.number, system=system, guess=names[found.guesses], rank=found.ranks
        )
        for run in runs
        for system, found in run.answers.items()
    ]
    return pd.concat(parts, ignore_index=True)
