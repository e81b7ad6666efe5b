"""Vectors learned from artist labels, asked about artists never met: rankings, artists, tags and genres."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from artist_2017.page import draw_page
from artist_2017.params import Artist2017
from artist_2017.tags import tag_table
from artist_2017.transfer import UNTRAINED, of_artists, of_cold_songs, same_artist
from comparison.claims import Claim, above, write_claims
from comparison.fold import make_fold
from comparison.systems import CANDIDATE
from comparison.table import compare
from earshot.evaluation import tables
from earshot.evaluation.judging import evaluate_all
from earshot.evaluation.protocol import pool
from earshot.files import write_json
from earshot.stages.paths import Paths

PARAMS = Artist2017


def run(paths: Paths, params: Artist2017) -> dict[str, Any]:
    """Write what `compare` writes, artists.json, tags.json, genres.json, claims.json and report.html."""
    table = compare(paths, params, of_cold_songs(params))
    found = {
        "artists": _artists(paths, params),
        "tags": tag_table(paths, params, params.tags),
        "genres": tag_table(paths, params, params.genres),
    }
    for name, content in found.items():
        write_json(paths.output / f"{name}.json", content)
    claims = _claims(params, {"factors": {"differences": table.differences}, **found})
    write_claims(paths.output, claims)
    curve = pd.read_csv(paths.data("artist_2017") / "curve" / "curve.csv")
    page = draw_page(table, claims, found, curve, params.candidate)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return table.summary(params.evaluation.k)


def _artists(paths: Paths, params: Artist2017) -> dict[str, Any]:
    """Systems and paired differences: whether songs of an artist that was never met lie together."""
    k, results = params.evaluation.k, []
    for number, seed in product(params.folds.held_out, params.folds.seeds):
        fold = make_fold(paths, params, number, seed)
        systems = {name: make(fold) for name, make in of_artists(params).items()}
        results.append(evaluate_all(systems, same_artist(fold), k))
    pooled = {name: pool([each[name] for each in results]) for name in results[0]}
    return {
        "systems": {name: tables.describe(result, k) for name, result in pooled.items()},
        "differences": tables.differences(pooled, k),
    }


def _claims(params: Artist2017, found: dict[str, dict[str, Any]]) -> list[Claim]:
    """The abstract: as good as features learned from semantic labels; its tables could not be read."""
    best, paper = (
        params.candidate,
        "no figure is known; abstract: “comparable” to features of semantic labels",
    )
    asked = {
        "factors": "rank cold songs",
        "artists": "find other songs of an artist never met",
        "tags": "tell tags",
        "genres": "tell genres",
    }
    rivals = {UNTRAINED: "an untrained network's", "linear_statistics": "statistics of the sound"}
    claims = [
        above(
            f"Vectors learned from artist labels {words} better than {other}",
            paper,
            found[kind].get("differences", {}),
            (best, rival),
        )
        for (kind, words), (rival, other) in product(asked.items(), rivals.items())
    ]
    end_to_end = "… and rank cold songs better than a network trained on the factors"
    ends = found["factors"]["differences"]
    return [*claims, above(end_to_end, "no figure is known", ends, (best, CANDIDATE))]
