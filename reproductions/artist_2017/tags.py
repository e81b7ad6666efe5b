"""Tags and genres of artists never met, asked as `auto_tagging` asks."""

from __future__ import annotations

from itertools import product
from typing import Any

from artist_2017.params import Artist2017
from artist_2017.transfer import taggers
from auto_tagging.params import TagChoice, TagFolds, Tagging
from auto_tagging.protocol import TagFold, make_tag_fold, read_tag_task
from auto_tagging.table import compare_taggers
from comparison.fold import Fold, make_fold
from earshot.errors import UserError
from earshot.stages.paths import Paths


def tag_table(paths: Paths, params: Artist2017, choice: TagChoice) -> dict[str, Any]:
    """Systems and paired differences, the held-out songs those that were cold; or `empty`, why."""
    which = product(params.folds.held_out, params.folds.seeds)
    folds = {(number, seed): make_fold(paths, params, number, seed) for number, seed in which}
    try:
        task = read_tag_task(paths.data("raw_audio"), paths.data("hyper_images"), choice)
    except UserError as error:  # a catalogue without these labels has artists all the same
        return {"empty": str(error)}
    made, settings = taggers(folds, params), _tagging(params, choice)
    table = compare_taggers(task, settings, made, params.candidate, paths.work / choice.column)
    return {
        "systems": table.metrics["splits"]["artist"]["systems"],
        "differences": table.differences["artist"],
        "protocol": table.metrics["protocol"],
    }


def genre_fold(paths: Paths, params: Artist2017, fold: Fold) -> TagFold | None:
    """The first fold of the genres; None in a catalogue without."""
    try:
        task = read_tag_task(paths.data("raw_audio"), paths.data("hyper_images"), params.genres)
    except UserError:
        return None
    settings = _tagging(params, params.genres)
    number = params.folds.held_out[0]
    return make_tag_fold(task, settings, "artist", number, fold.seed, fold.paths.root / "genres")


def _tagging(params: Artist2017, choice: TagChoice) -> Tagging:
    folds = params.folds
    return Tagging(
        choice,
        TagFolds(["artist"], folds.folds, folds.held_out, folds.seeds, folds.validation_share),
        params.words,
    )
