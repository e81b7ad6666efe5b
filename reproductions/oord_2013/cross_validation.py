"""Every system of the paper, and what else must be beaten, over folds and seeds: one table."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from comparison.claims import Claim, above, write_claims
from comparison.foot import draw_sources
from comparison.page import draw_page
from comparison.systems import BOUND, CANDIDATE
from comparison.table import compare
from earshot.artists import BEATS_P
from earshot.checks import beats, check
from earshot.stages.paths import Paths
from oord_2013.look import write_look
from oord_2013.params import Oord2013
from oord_2013.systems import DESCRIPTIONS, makes

PARAMS = Oord2013

ORDER = ("random", "linear_bow", CANDIDATE, BOUND)
"""As the paper has it."""


def run(paths: Paths, params: Oord2013) -> dict[str, Any]:
    """Write what `compare` writes, claims.json, report.html, and `look.Look`."""
    table = compare(paths, params, makes(params))
    write_look(paths.output / "first_run", table.first, CANDIDATE)
    claims = _claims(table.differences)
    write_claims(paths.output, claims)
    foot = draw_sources(
        paths.root,
        "reproductions/oord_2013/dvc.yaml:cross_validation",
        ["data/raw_audio", "data/play_counts", "data/hyper_images"],
    )
    page = draw_page(table, claims, DESCRIPTIONS, CANDIDATE, "van den Oord et al. 2013", foot=foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    orders = [_order(table.differences, low, high) for low, high in pairwise(ORDER)]
    return {**table.summary(params.evaluation.k), "checks": orders}


def _claims(differences: dict[str, Any]) -> list[Claim]:
    """Tables 2 (9,330 songs) and 3 (382,410 songs) of the paper, AUC."""
    network = "A convolutional network predicts factors better from audio"
    return [
        above(
            f"{network} than a linear regression on a bag of words",
            "AUC .710 against .635; of all songs .772 against .645",
            differences,
            (CANDIDATE, "linear_bow"),
        ),
        above(
            f"{network} when trained on the factors (eq. 4) than on the plays (eq. 5)",
            "AUC .710 against .701",
            differences,
            (CANDIDATE, "cnn_wpe"),
        ),
        above(
            "What cannot be heard keeps the factorization itself far above the network",
            "AUC .961 against .772",
            differences,
            (BOUND, CANDIDATE),
        ),
    ]


def _order(differences: dict[str, Any], low: str, high: str) -> dict[str, Any]:
    found = differences[f"{high}_minus_{low}"]
    return check(
        beats(high, low),
        f"{high} ranks cold songs better than {low}, as in the paper: paired intervals over artists",
        passed=found["beats"],
        observed=str(found["auc_ci95_artists"]),
        expected=f"above 0 with p <= {BEATS_P:g}, and mAP not below",
    )
