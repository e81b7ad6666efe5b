"""The whole report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.artists import too_few_artists
from earshot.pages.charts import curves_chart
from earshot.pages.elements import document, facts, number, section, signed, text
from earshot.pages.results import draw_differences, draw_kinds, draw_systems
from earshot.pages.script import SCRIPT
from earshot.pages.song_map import draw_map
from earshot.pages.songs import Example, audio_elements, draw_examples, draw_sheet

CURVES = {"training_loss": "training", "validation_loss": "validation"}


@dataclass(frozen=True)
class OverFolds:
    """The recipe, judged by a model of every fold.

    Attributes
    ----------
    folds
        Those of which there is a model.
    candidates, n_users
        How many were asked about how many songs, over all folds.
    systems, differences
        As a `Judgement` has them.
    """

    folds: list[int]
    candidates: int
    n_users: int
    systems: dict[str, Any]
    differences: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What the page shows.

    Attributes
    ----------
    metrics, differences, kinds
        As a `Judgement` has them.
    recipe
        Of a model of every fold, where there are some.
    descriptions
        System -> a few words.
    candidate, bound
        The system that is reported, and the one that audio is measured against.
    curves
        epoch, training_loss, validation_loss.
    songs, positions
        Songs of the map (columns of songs.parquet) and where they lie, `(n, 2)` in per cent.
    examples
        Songs shown closely.
    sheet
        PNG: from sound to image, of the first of the examples.
    sounds
        song_id -> clip.
    counted
        What was left out or set aside: what -> how many.
    """

    metrics: Mapping[str, Any]
    differences: Mapping[str, Any]
    kinds: Mapping[str, Any]
    recipe: OverFolds | None
    descriptions: Mapping[str, str]
    candidate: str
    bound: str
    curves: pd.DataFrame
    songs: pd.DataFrame
    positions: NDArray[np.float64]
    examples: Sequence[Example]
    sheet: bytes
    sounds: Mapping[str, Path]
    counted: Mapping[str, int]


def draw_page(report: Report) -> str:
    """The page: one HTML document that loads nothing."""
    parts = (_header, _results, _recipe, _protocol, _curves, _map, _sheet, _songs)
    body = "\n".join(part(report) for part in parts)
    sounds = f"<div hidden>\n{audio_elements(report.sounds)}\n</div>\n<script>{SCRIPT}</script>"
    return document("evaluation report", body, sounds)


def _header(report: Report) -> str:
    protocol, systems = report.metrics["protocol"], report.metrics["systems"]
    candidate, bound = systems[report.candidate], systems[report.bound]
    said = (
        f"{protocol['n_users']:,} listeners, {protocol['candidates']:,} songs held out. "
        f"<b>{text(report.candidate)}</b> ranks them with an AUC of <b>{number(candidate['auc'])}</b>"
    )
    if candidate["auc"] is not None and bound["auc"] is not None and bound["auc"] > 0.5:
        way = (candidate["auc"] - 0.5) / (bound["auc"] - 0.5)
        said += f", {100 * way:.0f} % of the way from chance to the upper bound, which knows their plays"
    return (
        '<header class="top"><p class="brand">earshot <span>evaluation report</span></p>'
        "<h1>Songs nobody has played, ranked by how they sound</h1>"
        f"<p>{said}. {_verdict(report)}</p></header>"
    )


def _verdict(report: Report) -> str:
    """Of the systems below it, in the words of the rows of differences: over all folds, if judged so."""
    start = f"{report.candidate}_minus_"
    recipe = report.recipe
    differences = report.differences if recipe is None else recipe.differences
    against = {
        name.removeprefix(start): values for name, values in differences.items() if name.startswith(start)
    }
    n_artists = max(values["n_artists"] for values in against.values())
    if any(values["auc_ci95_artists"][0] is None for values in against.values()):
        return f"{too_few_artists(n_artists)} what it beats."
    told = []
    for verb, beaten in (("beats", True), ("does not beat", False)):
        named = [
            f"{name} (AUC {signed(values['auc'])})"
            for name, values in against.items()
            if values["beats"] == beaten
        ]
        told += [f"It {verb} {text(_listed(named))}."] if named else []
    if recipe is not None:
        told.append(f"That is over models of {len(recipe.folds)} folds, {n_artists:,} artists in all.")
    return " ".join(told)


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _headings(report: Report) -> dict[str, str]:
    k = report.metrics["protocol"]["k"]
    return {f"map_at_{k}": f"mAP@{k}", "auc": "AUC", "auc_centred": "AUC, centred"}


def _results(report: Report) -> str:
    headings, systems = _headings(report), report.metrics["systems"]
    return section(
        "results",
        "Results",
        "Means over listeners; bars are 95 % intervals over artists, the fine line at 0.5 is chance. "
        "<i>Centred</i> takes the average listener away: taste without popularity. "
        "Made by <code>dvc repro evaluation_report</code>.",
        draw_systems(systems, report.descriptions, headings, report.candidate),
        "<h3>Paired differences</h3><p>The same artists drawn for both. One system beats another when "
        "the interval of the AUC lies above zero and that of mAP does not lie below it.</p>",
        draw_differences(report.differences, headings, report.candidate),
        draw_kinds(report.kinds, headings),
    )


def _recipe(report: Report) -> str:
    recipe = report.recipe
    if recipe is None:
        return ""
    headings = _headings(report)
    return section(
        "folds",
        "The recipe, over all folds",
        f"Few artists are held out, so a model was trained for every one of {len(recipe.folds)} folds, each "
        f"asked about its own held-out songs: {recipe.candidates:,} songs, {recipe.n_users:,} lists. "
        "The gate judges by these; the first model is the one that may be served.",
        draw_systems(recipe.systems, report.descriptions, headings, report.candidate),
        "<h3>Paired differences</h3>",
        draw_differences(recipe.differences, headings, report.candidate),
    )


def _protocol(report: Report) -> str:
    protocol = report.metrics["protocol"]
    known = protocol["candidates_of_known_artists"]
    asked = {
        "Candidate songs": f"{protocol['candidates']:,}",
        "… of known artists": f"{known:,}",
        "… of artists never heard": f"{protocol['candidates'] - known:,}",
        "Artists": f"{protocol['n_artists']:,}",
        "Listeners": f"{protocol['n_users']:,}",
        "Candidates a listener played (median)": f"{protocol['median_positives']:g}",
        "Bootstraps of artists (AUC)": f"{protocol['bootstraps']:,}",
        "Jackknife groups of artists (mAP)": protocol["jackknife_groups"],
    }
    left_out = {
        "Listeners without a warm play": f"{protocol['users_without_warm_play']:,}",
        "Listeners of no candidate": f"{protocol['users_without_candidate']:,}",
        "Cold songs without a listener": f"{protocol['cold_songs_without_listeners']:,}",
    } | {name[:1].upper() + name[1:]: f"{count:,}" for name, count in report.counted.items()}
    return section(
        "protocol",
        "Who was asked about what",
        "Every listener ranks all candidates: songs held out of the factorization, with audio and "
        "at least one listener. Their plays of them are the right answers.",
        f'<div class="two"><div><h3>Asked</h3>{facts(asked)}</div>'
        f"<div><h3>Left out and set aside</h3>{facts(left_out)}</div></div>",
    )


def _curves(report: Report) -> str:
    losses = report.curves["validation_loss"].to_numpy(dtype=float)
    best = int(report.curves["epoch"].iloc[int(np.nanargmin(losses))])
    return section(
        "training",
        "Training",
        "Mean squared error to the factors, over training windows and over the songs kept apart for "
        "early stopping.",
        curves_chart(report.curves, CURVES, best),
    )


def _map(report: Report) -> str:
    return section(
        "map",
        "Map of songs",
        "Songs that the encoder finds alike lie together; colours are genres, which it was never told. "
        "Hollow songs are cold. Point at one for its title; large ones play.",
        draw_map(report.songs, report.positions, report.sounds),
    )


def _sheet(report: Report) -> str:
    return section(
        "image",
        "From sound to image",
        "What is computed of a song before anything is learned, and stacked into the picture that encoders "
        "choose their rows from. Bright is much, dark is little. "
        "<code>earshot plot</code> draws it of any song.",
        draw_sheet(report.examples[0].song, report.sheet),
    )


def _songs(report: Report) -> str:
    return section(
        "songs",
        "A few songs, closely",
        "What the encoder sees of a cold song, and the songs it puts nearest to it, with the cosine of their "
        "predicted factors, out of those whose sound came with the training set.",
        draw_examples(report.examples, report.sounds),
    )
