"""Cold songs, known songs and tags by the deep content-user embedding, and by what it must beat."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from auto_tagging.params import TagFolds, Tagging
from auto_tagging.protocol import read_tag_task
from auto_tagging.table import compare_taggers
from comparison.claims import Claim, above, write_claims
from comparison.fold import make_fold
from comparison.foot import draw_sources
from comparison.params import Folds
from comparison.systems import CANDIDATE, make_systems
from comparison.table import compare
from earshot.checks import check
from earshot.errors import UserError
from earshot.evaluation import tables
from earshot.evaluation.judging import evaluate_all
from earshot.evaluation.protocol import pool
from earshot.files import write_json
from earshot.stages.paths import Paths
from lee_2018_dcue.hot import make_hot_fold
from lee_2018_dcue.page import draw_page
from lee_2018_dcue.params import Lee2018
from lee_2018_dcue.systems import FACTORIZATION, POPULARITY, of_cold_songs, of_known_songs, taggers

PARAMS = Lee2018

WANTED_AUC = 0.75
"""From the users of the factorization."""


def run(paths: Paths, params: Lee2018) -> dict[str, Any]:
    """Write what `compare` writes, known_songs.json, tags.json, claims.json and report.html."""
    table = compare(paths, params, of_cold_songs(params))
    known, tags = _known_songs(paths, params), _tags(paths, params)
    claims = _claims(params, table.differences, known["differences"], tags)
    write_json(paths.output / "known_songs.json", known)
    write_json(paths.output / "tags.json", tags)
    write_claims(paths.output, claims)
    curve = pd.read_csv(paths.data("lee_2018_dcue") / "curve" / "curve.csv")
    foot = draw_sources(
        paths.root,
        "reproductions/lee_2018_dcue/dvc.yaml:cross_validation",
        ["data/raw_audio", "data/play_counts", "data/hyper_images", "data/lee_2018_dcue/curve"],
    )
    page = draw_page(table, claims, known, tags, curve, params.candidate, foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    auc = table.metrics["systems"][params.candidate]["auc"]
    reached = check(
        "auc_from_factors",
        f"{params.candidate} ranks cold songs as well as was found by trying",
        passed=auc >= WANTED_AUC,
        observed=f"{auc:.3f}",
        expected=f"at least {WANTED_AUC}, on the embedded catalogue",
    )
    return {**table.summary(params.evaluation.k), "checks": [reached]}


def _known_songs(paths: Paths, params: Lee2018) -> dict[str, Any]:
    """Systems and paired differences, as in metrics.json and differences.json, of held-out plays."""
    k, results = params.evaluation.k, []
    for number, seed in product(params.folds.held_out, params.folds.seeds):
        fold = make_hot_fold(
            make_fold(paths, params, number, seed), params, params.hot.held_out_share, number
        )
        results.append(evaluate_all(make_systems(fold, of_known_songs(params)), fold.cold_start, k))
    pooled = {name: pool([found[name] for found in results]) for name in results[0]}
    return {
        "systems": {name: tables.describe(result, k) for name, result in pooled.items()},
        "differences": tables.differences(pooled, k),
    }


def _tags(paths: Paths, params: Lee2018) -> dict[str, Any]:
    """Systems and differences of taggers, asked about the songs that were cold; or `empty`, why."""
    made = {
        (number, seed): make_fold(paths, params, number, seed)
        for number, seed in product(params.folds.held_out, params.folds.seeds)
    }
    try:
        task = read_tag_task(paths.data("raw_audio"), paths.data("hyper_images"), params.tags)
    except UserError as error:  # a catalogue without tags has listeners all the same
        return {"empty": str(error)}
    settings = Tagging(params.tags, tag_folds(params.folds), params.words)
    table = compare_taggers(task, settings, taggers(made, params), params.candidate, paths.work / "tags")
    return {
        "systems": table.metrics["splits"][params.folds.by]["systems"],
        "differences": table.differences[params.folds.by],
        "protocol": table.metrics["protocol"],
    }


def tag_folds(folds: Folds) -> TagFolds:
    """The same folds, for tags: split in another way, they would ask about songs that were learned from."""
    return TagFolds([folds.by], folds.folds, folds.held_out, folds.seeds, folds.validation_share)


def _claims(
    params: Lee2018, cold: dict[str, Any], known: dict[str, Any], tags: dict[str, Any]
) -> list[Claim]:
    """The paper's abstract names no figures; ours are of the embedding that stands out."""
    best, nothing = params.candidate, "no figure is known"
    claimed = f"{nothing}; abstract: “significantly outperforms the previous work”"
    of_tags = tags.get("differences", {})
    lines = (
        (
            f"Learned together from plays alone, for {params.embedding.max_epochs} epochs, users and songs "
            "rank cold songs better than factors first, then a network",
            claimed,
            cold,
            ("basic_random", CANDIDATE),
        ),
        ("Learned from users' factors, they do", nothing, cold, (best, CANDIDATE)),
        ("… and beat a linear regression on a bag of words", nothing, cold, (best, "linear_bow")),
        ("Five levels rank better than the last (multi, basic)", nothing, cold, ("multi_factors", best)),
        ("Of known songs they rank better than popularity", claimed, known, (best, POPULARITY)),
        ("Of known songs the factorization is ahead of them", nothing, known, (FACTORIZATION, best)),
        (
            "Song vectors learned from listeners tell tags better than statistics of the sound",
            nothing,
            of_tags,
            (best, "linear_statistics"),
        ),
    )
    return [above(sentence, paper, found, names) for sentence, paper, found, names in lines]
