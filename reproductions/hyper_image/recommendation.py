"""The embedding as features of recommenders: regression, side features, factorization machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparison.claims import Claim, Verdict, above, write_claims
from comparison.foot import draw_sources
from comparison.page import draw_page
from comparison.systems import BOUND, CONTROLS
from comparison.systems import DESCRIPTIONS as CONTROL_DESCRIPTIONS
from comparison.table import compare
from earshot.stages.paths import Paths
from hyper_image import systems
from hyper_image.params import HyperImageParams
from hyper_image.systems import MACHINE, RIDGE, SIDE

PARAMS = HyperImageParams

OWN = "no figure is known"
MOST_BEHIND = 0.02
"""AUC that the factorization machine may be below the ridge regression and still count as level."""


def run(paths: Paths, params: HyperImageParams) -> dict[str, Any]:
    """Write what `compare` writes, claims.json and report.html."""
    controls = {name: make for name, make in CONTROLS.items() if name != BOUND}
    makes = {**controls, **systems.makes(params), BOUND: CONTROLS[BOUND]}
    table = compare(paths, params.recommendation, makes)
    claims = claims_of(table.differences, params.labels.word)
    write_claims(paths.output, claims)
    foot = draw_sources(
        paths.root,
        "reproductions/hyper_image/dvc.yaml:recommendation",
        ["data/raw_audio", "data/play_counts", "data/hyper_images"],
    )
    described = CONTROL_DESCRIPTIONS | systems.DESCRIPTIONS
    page = draw_page(table, claims, described, RIDGE, "the embedding of the hyper-image paper", foot=foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return table.summary(params.recommendation.evaluation.k)


def claims_of(differences: Mapping[str, Any], word: str) -> list[Claim]:
    """Out of the content of differences.json; `word` is what the labels are called that were learned."""
    return [
        _level(differences[f"{MACHINE}_minus_{RIDGE}"]),
        above(
            "Factors fitted together with the embedding as side features rank new songs better than a "
            "regression to factors fitted first",
            OWN,
            differences,
            (SIDE, RIDGE),
        ),
        above(
            f"An embedding that has learned {word}s alone ranks new songs better than a bag of words",
            OWN,
            differences,
            (SIDE, "linear_bow"),
        ),
    ]


def _level(found: Mapping[str, Any]) -> Claim:
    claim = f"A factorization machine is within {MOST_BEHIND} AUC of a ridge regression on the same embedding"
    ends = found["auc_ci95_artists"]
    answer: Verdict = "cannot be told"
    if ends[0] is None:
        return Claim(claim, OWN, f"auc {found['auc']:+.3f} (too few artists for an interval)", answer)
    if ends[0] > -MOST_BEHIND:
        answer = "holds"
    elif ends[1] < -MOST_BEHIND:
        answer = "does not hold"
    return Claim(claim, OWN, f"auc {found['auc']:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f})", answer)
