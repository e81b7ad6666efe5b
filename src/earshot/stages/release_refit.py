"""The recipe of a released model trained once more, on all songs, to be served in its place.

Songs are held out by a hash of their ids, so the same quarter of a catalogue would never be learned from. The
refit has heard these songs: nothing is left that could judge it with new ones. It is held against the judged
model by the songs that both trainings were stopped early by, is served if it is not clearly worse there, and
stands in no later comparison.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from earshot import versioning
from earshot.artists import LEAST_ARTISTS
from earshot.checks import CANDIDATE
from earshot.columns import COLD, VALIDATION
from earshot.errors import UserError
from earshot.evaluation.judging import evaluate_all
from earshot.factors.numbers import read_numbers
from earshot.files import read_json, write_json
from earshot.params import Params
from earshot.releases import Manifest
from earshot.releases.candidate import BESIDE, MODEL, NUMBERS
from earshot.releases.gate import judge_against, judge_checks
from earshot.releases.manifest import REFIT, WMF_FACTORS
from earshot.stages.folds import FoldSnapshot, read_snapshot
from earshot.stages.paths import Paths
from earshot.stages.release_questions import differences
from earshot.stages.released_models import Model
from earshot.stages.training_set import with_none_cold, write_split
from earshot.stages.wmf_factors import write_factors
from earshot.terminal import say
from earshot.trusted import trusted_in

SUMMARY = "summary.json"


def with_refit(paths: Paths, params: Params, judged: Manifest) -> tuple[Manifest, dict[str, Any]]:
    """The release `judged` with a refit beside it, whose files are then in DVC's cache.

    Where the refit cannot be made or checked, or is worse, the release stays as it is. What was trained
    before a kill is there again.

    Returns
    -------
    The release; and what its decision says of the refit, as in `earshot.releases.decision.RefitFound`.
    """
    try:
        question = _question(paths, params)
        refit = _train(paths, params)
        found = _check(paths, params, judged, question, refit)
    except UserError as error:
        found = {"served": False, "told": str(error).replace(f"{paths.work}/", "")}
    say(f"{'the refit is served' if found['served'] else 'the judged model is served'}: {found['told']}")
    if not found["served"]:
        return judged, found
    return replace(judged, files=judged.files | _kept(paths.root, refit)), found


def _question(paths: Paths, params: Params) -> FoldSnapshot:
    """Who plays which of the songs for early stopping; asked first, for without it nothing is trained.

    Raises
    ------
    UserError
        They are of too few artists to say anything.
    """
    inside = paths.inside(paths.work / "refit_question")
    inside.make("training_set", lambda made: _write_question(paths.data("training_set"), made.output))
    folder = inside.data("training_set")
    question = read_snapshot(params.training_set.split.fold, folder, params)
    n_artists = len(question.cold_start.artist_starts)
    if n_artists < LEAST_ARTISTS:
        raise UserError(
            f"no refit was made: songs of {n_artists} artists serve early stopping, and with under "
            f"{LEAST_ARTISTS} it cannot be checked; more songs are wanted, or a larger "
            "training_set.validation_share"
        )
    return question


def _write_question(training_set: Path, output: Path) -> None:
    songs = pd.read_parquet(training_set / "songs.parquet")
    songs[COLD], songs[VALIDATION] = songs[VALIDATION], False
    write_split(training_set, output, songs)


def _train(paths: Paths, params: Params) -> Paths:
    """The little workspace with its training set, factors and encoder."""
    # it imports Lightning, which takes 8 s that a run without a refit need not pay
    from earshot.stages.cnn_checkpoint import write_encoder

    say("released; it is trained once more on all songs, which takes about as long as the first time")
    inside, wmf = paths.inside(paths.work / REFIT), read_numbers(paths.data("wmf_search"))
    inside.make("training_set", lambda made: _write_all_warm(paths.data("training_set"), made.output, params))
    inside.make(
        WMF_FACTORS,
        lambda made: write_json(made.output / SUMMARY, write_factors(made, wmf, params.seed)),
    )
    inside.make("cnn_checkpoint", lambda made: write_encoder(made, params))
    return inside


def _write_all_warm(training_set: Path, output: Path, params: Params) -> None:
    songs = pd.read_parquet(training_set / "songs.parquet")
    write_split(training_set, output, with_none_cold(songs, params.training_set))


def _check(
    paths: Paths, params: Params, judged: Manifest, question: FoldSnapshot, refit: Paths
) -> dict[str, Any]:
    """Hold the refit against the judged model: neither has learned from the sound of the songs in question.

    Listeners are placed without their plays of these songs. Their plays have shaped both factorizations, and
    both trainings were stopped by them: the figures of both are too good, the difference is between equals.
    """
    models = {
        CANDIDATE: Model.candidate(paths, params, judged),
        REFIT: Model(judged, refit.root / "data", paths.work / "refit_songs", frozenset(trusted_in(params))),
    }
    k = params.evaluation_report.k
    systems = {name: model.first_system(question) for name, model in models.items()}
    answers = evaluate_all(systems, question.cold_start, k)
    between = differences(answers[REFIT], answers[CANDIDATE], k)
    rules = [
        judge_against("the judged model", between, params.release.epsilon),
        judge_checks(read_json(refit.data(WMF_FACTORS) / SUMMARY)["checks"]),
    ]
    broken = [rule.told for rule in rules if not rule.passed]
    return {
        "served": not broken,
        "told": f"the refit {'; '.join(broken or [rules[0].told])}",
        "songs": len(question.cold_start.song_ids),
        "users": len(question.cold_start.users),
        "differences": between,
    }


def _kept(root: Path, refit: Paths) -> dict[str, str]:
    """Put the files of the refit into DVC's cache; their md5s, by name in a manifest."""
    cache, data = versioning.cache_folder(root), refit.root / "data"
    beside = sorted(path.relative_to(data).as_posix() for each in BESIDE for path in data.glob(f"{each}*"))
    md5s = {name: versioning.file_md5(data / name) for name in (*MODEL, NUMBERS, *beside)}
    for name, md5 in md5s.items():
        versioning.add_object(cache, md5, data / name)
    return {f"{REFIT}/{name}": md5 for name, md5 in md5s.items()}
