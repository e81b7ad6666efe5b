"""The page of the evaluation: systems, differences, training, the map and a few songs closely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.artists import too_few_artists
from earshot.checks import ARTIST_MEAN, CANDIDATE, LINEAR_BOW, PERFECT_EAR, SOUND_ONLY, UPPER_BOUND
from earshot.pages.charts import curves_chart
from earshot.pages.hyper_images import in_dark
from earshot.pages.render import number, render, signed
from earshot.pages.results import draw_differences, draw_kinds, draw_systems
from earshot.pages.served_lists import draw_lists, headline
from earshot.pages.song_map import draw_map
from earshot.pages.songs import Example, sound_uris

CURVES = {"training_loss": "training", "validation_loss": "validation"}
DESCRIPTIONS = {
    "random": "a random order for everybody",
    "shuffled_content": "the candidate's predictions dealt to the wrong songs: mean of 20 permutations",
    LINEAR_BOW: "a ridge regression on a bag of MFCC words",
    ARTIST_MEAN: "where the artist's other songs are: no sound at all",
    CANDIDATE: "the model that is judged",
    SOUND_ONLY: "the candidate, told nothing of a song but its sound",
    PERFECT_EAR: "a kernel ridge regression on what the catalogue's program wrote into each song",
    UPPER_BOUND: "the place that the factorization itself would give each song, by its plays",
}


@dataclass(frozen=True)
class Report:
    """What the page shows.

    Attributes
    ----------
    metrics, differences, kinds
        As a `Judgement` has them: metrics.json, differences.json, known_and_cold_artists.json.
    recipe
        over_folds.json: the recipe judged by a model of every fold; None where there is no such model.
    lists
        served_quality.json.
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
    recipe: Mapping[str, Any] | None
    lists: Mapping[str, Any]
    curves: pd.DataFrame
    songs: pd.DataFrame
    positions: NDArray[np.float64]
    examples: Sequence[Example]
    sheet: bytes
    sounds: Mapping[str, Path]
    counted: Mapping[str, int]


def _descriptions(report: Report) -> dict[str, str]:
    """Of the candidate its name: `<encoder>+<objective>`, where that was noted."""
    named = report.metrics.get("candidate")
    description = (
        f"{named['name']}, in the taste space {named['space']}" if named else DESCRIPTIONS[CANDIDATE]
    )
    return DESCRIPTIONS | {CANDIDATE: description}


def draw_page(report: Report, foot: str = "") -> str:
    """The page, above its `foot`: one HTML document that needs no other file."""
    metrics, headings = report.metrics, _headings(report)
    best = int(report.curves["epoch"].iloc[int(np.nanargmin(report.curves["validation_loss"]))])
    return render(
        "evaluation_report.html",
        protocol=metrics["protocol"],
        candidate=CANDIDATE,
        auc=metrics["systems"][CANDIDATE]["auc"],
        way=_way(report),
        by_artists=_by_artists(report),
        verdict=_verdict(report),
        systems=draw_systems(metrics["systems"], _descriptions(report), headings, CANDIDATE),
        differences=draw_differences(report.differences, headings, CANDIDATE),
        kinds=draw_kinds(report.kinds, headings),
        recipe=_recipe(report),
        recall=headline(report.lists),
        lists=draw_lists(report.lists),
        asked=_asked(metrics["protocol"]),
        left_out=_left_out(report),
        curves=curves_chart(report.curves, CURVES, best),
        map=draw_map(report.songs, report.positions, report.sounds),
        sheet=report.sheet,
        examples=report.examples,
        sounds=sound_uris(report.sounds),
        in_dark=in_dark,
        foot=foot,
    )


def _headings(report: Report) -> dict[str, str]:
    k = report.metrics["protocol"]["k"]
    return {f"map_at_{k}": f"mAP@{k}", "auc": "AUC", "auc_centred": "AUC, centred"}


def _way(report: Report) -> list[str]:
    """How far the candidate is from a random order to the bound, by metric; none where that says nothing."""
    shares = []
    for metric, heading in list(_headings(report).items())[:2]:
        names = ("random", CANDIDATE, UPPER_BOUND)
        chance, candidate, bound = (report.metrics["systems"].get(name, {}).get(metric) for name in names)
        if None in (chance, candidate, bound) or bound <= chance:
            return []
        shares.append(f"{100 * (candidate - chance) / (bound - chance):.0f} % by {heading}")
    return shares


def _by_artists(report: Report) -> list[str]:
    """The candidate's AUC among songs of known artists and of cold ones, where both are there."""
    there = {kind: found for kind, found in report.kinds.items() if found is not None}
    return [
        f"{number(found['systems'][CANDIDATE]['auc'])} among the {found['candidates']:,} songs of "
        f"{kind.replace('_', ' ')}"
        for kind, found in there.items()
        if len(there) > 1
    ]


def _verdict(report: Report) -> str:
    """Of the systems below it, in the words of the rows of differences: over all folds, if judged so."""
    start = f"{CANDIDATE}_minus_"
    recipe = report.recipe
    differences = report.differences if recipe is None else recipe["differences"]
    against = {
        name.removeprefix(start): values for name, values in differences.items() if name.startswith(start)
    }
    n_artists = max(values["n_artists"] for values in against.values())
    if any(values["auc_ci95_artists"][0] is None for values in against.values()):
        return f"{too_few_artists(n_artists)} what it beats."
    sentences = []
    for verb, beaten in (("beats", True), ("does not beat", False)):
        named = [
            f"{name} (AUC {signed(values['auc'])})"
            for name, values in against.items()
            if values["beats"] == beaten
        ]
        sentences += [f"It {verb} {_listed(named)}."] if named else []
    if recipe is not None:
        sentences.append(
            f"That is over models of {len(recipe['folds'])} folds, {n_artists:,} artists in all."
        )
    return " ".join(sentences)


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _recipe(report: Report) -> dict[str, Any] | None:
    """What over_folds.json says, its systems and differences drawn."""
    recipe, headings = report.recipe, _headings(report)
    if recipe is None:
        return None
    return {
        **recipe,
        "systems": draw_systems(recipe["systems"], _descriptions(report), headings, CANDIDATE),
        "differences": draw_differences(recipe["differences"], headings, CANDIDATE),
    }


def _asked(protocol: Mapping[str, Any]) -> dict[str, str]:
    known = protocol["candidates_of_known_artists"]
    return {
        "Candidate songs": f"{protocol['candidates']:,}",
        "… of known artists": f"{known:,}",
        "… of artists never heard": f"{protocol['candidates'] - known:,}",
        "Artists": f"{protocol['n_artists']:,}",
        "Listeners": f"{protocol['n_users']:,}",
        "Candidates a listener played (median)": f"{protocol['median_positives']:g}",
    }


def _left_out(report: Report) -> dict[str, str]:
    protocol = report.metrics["protocol"]
    left_out = {
        "Listeners without a warm play": f"{protocol['users_without_warm_play']:,}",
        "Listeners of no candidate": f"{protocol['users_without_candidate']:,}",
        "Other listeners, not asked": f"{protocol['users_not_drawn']:,}",
        "Cold songs without a listener": f"{protocol['cold_songs_without_listeners']:,}",
    }
    return left_out | {name[:1].upper() + name[1:]: f"{count:,}" for name, count in report.counted.items()}
