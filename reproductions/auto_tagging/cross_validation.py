"""Tags of held-out songs, by every network of the params and every control, split by song and by artist."""

from __future__ import annotations

from functools import partial
from typing import Any

from auto_tagging.networks import refuse_bad_network, tag_scores
from auto_tagging.page import draw_tag_page
from auto_tagging.params import AutoTagging, Tagger
from auto_tagging.protocol import TagTask, read_task
from auto_tagging.systems import (
    ARTIST_MEAN,
    CONTROLS,
    DESCRIPTIONS,
    LINEAR_BOW,
    LINEAR_STATISTICS,
    TWO_LAYERS,
    Make,
    family_systems,
)
from auto_tagging.table import TagTable, compare_taggers, write_table_of_tags
from comparison.claims import Claim, above, write_claims
from comparison.foot import draw_sources
from earshot.artists import BEATS_P
from earshot.checks import beats, check
from earshot.stages.paths import Paths

PARAMS = AutoTagging


def run(paths: Paths, params: AutoTagging) -> dict[str, Any]:
    """Write metrics.json, differences.json, per_tag.parquet, claims.json and report.html."""
    task = read_task(paths, params)
    for tagger in params.networks.values():
        refuse_bad_network(task, tagger.cnn)
    table = compare_taggers(task, params, makes(task, params), params.candidate, paths.work)
    claims = _claims(table, params)
    write_table_of_tags(paths.output, table)
    write_claims(paths.output, claims)
    described = DESCRIPTIONS | {name: _describe(tagger) for name, tagger in params.networks.items()}
    foot = draw_sources(
        paths.root,
        "reproductions/auto_tagging/dvc.yaml:cross_validation",
        ["data/raw_audio", "data/hyper_images"],
    )
    page = draw_tag_page(table, claims, described, "auto-tagging", foot=foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return {**table.summary(), "checks": [_no_leak(table), *_beats_controls(table, params)]}


def makes(task: TagTask, params: AutoTagging) -> dict[str, Make]:
    """How each system is made, by name, in the order of the table."""
    networks: dict[str, Make] = {
        name: partial(tag_scores, name=name, params=tagger.cnn) for name, tagger in params.networks.items()
    }
    return {**CONTROLS, **TWO_LAYERS, **family_systems(task), **networks}


def _describe(tagger: Tagger) -> str:
    kind = tagger.encoder.class_path.rpartition(":")[2]
    return f"{kind}, windows of {tagger.training.window_seconds:g} s, trained for the tags"


def _claims(table: TagTable, params: AutoTagging) -> list[Claim]:
    """Figures of J. Lee, J. Park, K. L. Kim, J. Nam 2017 (arXiv:1703.01789), MagnaTagATune, 50 tags, AUC."""
    candidate = params.candidate
    heard = {
        LINEAR_BOW: "a linear model of a bag of MFCC words",
        LINEAR_STATISTICS: "a linear model of statistics of the frames",
    }
    claims = [
        above(
            f"A network trained on the tags ({candidate}) tells them better than {words}, held out by {by}",
            "mel network .9059; of the other no figure is known",
            found,
            (candidate, other),
        )
        for by, found in table.differences.items()
        for other, words in heard.items()
    ]
    if "song" not in table.differences:
        return claims
    artist = "What is heard tells more than the tags of the artist's other songs, held out by song"
    own = above(artist, "no figure is known", table.differences["song"], (candidate, ARTIST_MEAN))
    return [*claims, own]


def _no_leak(table: TagTable) -> dict[str, Any]:
    folds = table.metrics["splits"].get("artist", {"folds": {}})["folds"].values()
    artists = sum(fold["artists_on_both_sides"] for fold in folds)
    return check(
        "no_artist_on_both_sides",
        "artists of whom a system learned some songs and was asked about others, split by artist",
        passed=artists == 0,
        observed=f"{artists} artists",
        expected="none",
    )


def _beats_controls(table: TagTable, params: AutoTagging) -> list[dict[str, Any]]:
    found = {by: each[f"{params.candidate}_minus_{LINEAR_BOW}"] for by, each in table.differences.items()}
    return [
        check(
            f"{beats(params.candidate, LINEAR_BOW)}_by_{by}",
            f"{params.candidate} tells tags better than {LINEAR_BOW}, split by {by}: "
            "paired intervals over artists",
            passed=difference["beats"],
            observed=str(difference["auc_ci95_artists"]),
            expected=f"above 0 with p <= {BEATS_P:g}, and PR-AUC not below",
        )
        for by, difference in found.items()
    ]
