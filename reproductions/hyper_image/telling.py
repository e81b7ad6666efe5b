"""What networks tell of held-out snippets and songs, over folds and ways of splitting; the embedding."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from comparison.claims import write_claims
from comparison.foot import draw_sources
from earshot.checks import beats, check
from earshot.columns import ARTIST_ID, SONG_ID
from earshot.files import write_json, write_table
from earshot.processes import progress
from earshot.stages.paths import Paths
from hyper_image.claims import claims_of
from hyper_image.findings import MAJORITY, FoldRun, describe_runs, per_snippet
from hyper_image.measures import METRICS, Ints, answer
from hyper_image.neighbours import describe_neighbours, nearest
from hyper_image.networks import (
    NETWORK,
    embed,
    keep_network,
    label_scores,
    network_folder,
    refuse_bad_networks,
)
from hyper_image.page import draw_page
from hyper_image.params import LABEL, HyperImageParams
from hyper_image.snippets import HELD_OUT, Catalogue, make_fold, on_both_sides, read_catalogue, ways
from hyper_image.song_level import LOGISTIC, MfccSums, mfcc_sums, song_answers

NEIGHBOURS = 5


def tell(paths: Paths, params: HyperImageParams, stage: str) -> dict[str, Any]:
    """All that the stage named `stage` writes, and its summary.

    metrics.json, per_snippet, songs and neighbours.parquet, embedding.npy and the network/ that it is of,
    neighbours.json, claims.json and report.html; in tables the column of the labels is named after
    `params.labels.word`.
    """
    folders = (paths.data("raw_audio"), paths.data("hyper_images"))
    catalogue = read_catalogue(*folders, params.training.window_seconds, params.least_songs, params.labels)
    refuse_bad_networks(catalogue, params)
    sums = mfcc_sums(catalogue.snippet_store)
    pairs = list(product(ways(params.folds), params.folds.held_out))
    watched = progress(pairs, description="Ways of splitting and folds", unit="runs")
    runs = [_run(paths, params, catalogue, sums, by, number) for by, number in watched]
    metrics = describe_runs(catalogue, runs, params)
    named = {LABEL: params.labels.word}
    write_json(paths.output / "metrics.json", metrics)
    write_table(paths.output / "per_snippet.parquet", per_snippet(catalogue, runs).rename(columns=named))
    songs, embedding = _embed(paths, params, catalogue, runs)
    near = nearest(songs[SONG_ID], embedding, NEIGHBOURS)
    np.save(paths.output / "embedding.npy", embedding)
    write_table(paths.output / "songs.parquet", songs[[SONG_ID, LABEL, HELD_OUT]].rename(columns=named))
    write_table(paths.output / "neighbours.parquet", near)
    told = describe_neighbours(songs, near, params.bootstraps, params.folds.seed)
    write_json(paths.output / "neighbours.json", told)
    write_claims(paths.output, claims_of(metrics, told, params))
    foot = draw_sources(
        paths.root,
        f"reproductions/hyper_image/dvc.yaml:{stage}",
        ["data/raw_audio", "data/hyper_images"],
    )
    page = draw_page(metrics, songs, embedding, near, params, foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return _summary(metrics, params)


def _run(
    paths: Paths, params: HyperImageParams, catalogue: Catalogue, sums: MfccSums, by: str, number: int
) -> FoldRun:
    fold = make_fold(catalogue.snippets, by, number, params.folds)
    labels, artists = catalogue.label_numbers, catalogue.artist_numbers
    by_network = {name: label_scores(catalogue, fold, name, params, paths.work) for name in params.networks}
    scores: dict[str, NDArray[np.floating]] = {
        MAJORITY: _majority(labels[fold.training], len(catalogue.labels), len(fold.test)),
        **by_network,
    }
    answers = {name: answer(each, labels[fold.test], artists[fold.test]) for name, each in scores.items()}
    columns = {"songs": SONG_ID, "artists": ARTIST_ID}
    sides = {what: on_both_sides(catalogue.snippets, fold, column) for what, column in columns.items()}
    return FoldRun(fold, answers, song_answers(catalogue, fold, by_network, sums), sides)


def _majority(learned: Ints, n_labels: int, n_test: int) -> NDArray[np.float64]:
    """Scores (n_test, n_labels) that put the most frequent labels first, of equals the first by name."""
    # argsort of argsort: the rank of each label
    places = np.argsort(np.argsort(-np.bincount(learned, minlength=n_labels), kind="stable"))
    return np.tile(-places.astype(np.float64), (n_test, 1))


def _embed(
    paths: Paths, params: HyperImageParams, catalogue: Catalogue, runs: list[FoldRun]
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """All songs, marked where new to a network, that of the strictest way's first fold; and its embedding.

    The network is kept in the output.
    """
    fold = next(run.fold for run in runs if run.fold.by == ways(params.folds)[-1])
    folder = network_folder(paths.work, fold.by, fold.number, params.candidate)
    met = catalogue.snippets[SONG_ID].iloc[np.concatenate([fold.training, fold.validation])]
    songs = catalogue.songs.assign(**{HELD_OUT: ~catalogue.songs[SONG_ID].isin(met)})
    labels = sorted(set(catalogue.snippets[LABEL].iloc[fold.training]))
    keep_network(folder, labels, paths.output / NETWORK)
    return songs, embed(folder, catalogue.store)


def _summary(metrics: dict[str, Any], params: HyperImageParams) -> dict[str, Any]:
    values = {
        f"{name}_by_{by}_{metric}": found["systems"][name][metric]
        for by, found in metrics["splits"].items()
        for name in (MAJORITY, *params.networks)
        for metric in METRICS
    }
    values |= {
        f"{name}_of_songs_by_{by}_{metric}": found["systems"][name][metric]
        for by, found in metrics["songs"].items()
        for name in (LOGISTIC, *params.networks)
        for metric in METRICS
    }
    counts = {name: metrics["protocol"][name] for name in ("snippets", "songs", "artists")}
    left_out = {
        f"songs_{why.replace(' ', '_')}": n for why, n in metrics["protocol"]["songs_left_out"].items()
    }
    beats = [_beats_majority(metrics, params, name) for name in params.networks]
    return {**counts, **left_out, **values, "checks": [_no_leak(metrics["splits"]), *beats]}


def _no_leak(splits: dict[str, Any]) -> dict[str, Any]:
    sides = {by: found["on_both_sides"] for by, found in splits.items()}
    songs = sum(sides[by]["songs"] for by in ("song", "artist") if by in sides)
    artists = sides["artist"]["artists"] if "artist" in sides else 0
    return check(
        "nothing_on_both_sides",
        "songs of which a network learned some snippets and was asked about others, split by song or artist; "
        "artists likewise, split by artist",
        passed=songs == artists == 0,
        observed=f"{songs} songs, {artists} artists",
        expected="none",
    )


def _beats_majority(metrics: dict[str, Any], params: HyperImageParams, name: str) -> dict[str, Any]:
    by = ways(params.folds)[-1]
    low, high = metrics["minus_majority"][by][name]["precision_at_1_ci95_artists"]
    return check(
        beats(name, "majority"),
        f"{name} tells {params.labels.word}s, split by {by}, more often than always naming the most frequent "
        "one: paired 95 % interval over artists of the difference in precision@1",
        passed=low > 0,
        observed=f"{low} to {high}",
        expected="above 0",
    )
