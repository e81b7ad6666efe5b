"""Every system of the paper over folds and seeds: how new songs are ranked, and known and new ones rated."""

from __future__ import annotations

from itertools import product
from typing import Any

from comparison.claims import Claim, Verdict, above, verdict, write_claims
from comparison.fold import make_fold
from comparison.foot import draw_sources
from comparison.page import draw_page
from comparison.systems import BOUND, CONTROLS
from comparison.systems import DESCRIPTIONS as CONTROL_DESCRIPTIONS
from comparison.table import compare
from earshot.files import write_json
from earshot.stages.paths import Paths
from wang_2014_hldbn import models
from wang_2014_hldbn.models import HLDBN, PMF, RESIDUAL, Models
from wang_2014_hldbn.page import draw_ratings
from wang_2014_hldbn.params import Wang2014
from wang_2014_hldbn.pretraining_gain import measure_gain
from wang_2014_hldbn.told import describe_told

PARAMS = Wang2014

NO_FIGURE = "no figure is known"
MOST_BEHIND = 0.002
"""RMSE that a hybrid may be above PMF's and still count as level."""


def run(paths: Paths, params: Wang2014) -> dict[str, Any]:
    """Write what `compare` writes, ratings.json, pretraining.json, claims.json and report.html."""
    controls = {name: make for name, make in CONTROLS.items() if name != BOUND}
    table = compare(paths, params, {**controls, **models.makes(params), BOUND: CONTROLS[BOUND]})
    pairs = product(params.folds.held_out, params.folds.seeds)
    runs = [Models(make_fold(paths, params, fold, seed), params, seed) for fold, seed in pairs]
    told = describe_told(runs, params.evaluation.k)
    gain = measure_gain(table.first, params)
    write_json(paths.output / "ratings.json", told)
    write_json(paths.output / "pretraining.json", gain)
    claims = claims_of(table.differences, told, gain)
    write_claims(paths.output, claims)
    described = CONTROL_DESCRIPTIONS | models.DESCRIPTIONS
    more = draw_ratings(told, gain, params.evaluation.k)
    foot = draw_sources(
        paths.root,
        "reproductions/wang_2014_hldbn/dvc.yaml:cross_validation",
        ["data/raw_audio", "data/play_counts", "data/hyper_images"],
    )
    page = draw_page(table, claims, described, HLDBN, "Wang and Wang 2014", more, foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return {**table.summary(params.evaluation.k), **_rmse(told)}


def _rmse(told: dict[str, Any]) -> dict[str, float]:
    kinds = ("known_songs", "new_songs")
    return {f"{name}_rmse_{kind}": found["rmse"] for kind in kinds for name, found in told[kind].items()}


def claims_of(differences: dict[str, Any], told: dict[str, Any], gain: dict[str, Any]) -> list[Claim]:
    """Out of the contents of differences.json, ratings.json and pretraining.json."""
    learned = gain["gain"]["auc"]
    low, high = learned["auc_ci95_seeds"]
    return [
        above(
            "Features that a deep belief net learns from ratings rank new songs better than a bag of words",
            NO_FIGURE,
            differences,
            (HLDBN, "linear_bow"),
        ),
        Claim(
            "Pre-training without ratings helps",
            NO_FIGURE,
            f"AUC {learned['auc']:+.3f} ({low:+.3f} to {high:+.3f} over {len(gain['seeds'])} seeds)",
            verdict(low, high),
        ),
        _rated_better("A hybrid trained as a whole rates known songs better than PMF", "hybrid_joint", told),
        _rated_better("So does one that keeps the factors of PMF", "hybrid_fixed", told),
        _as_well(differences),
        _level(told),
    ]


def _rated_better(claim: str, name: str, told: dict[str, Any]) -> Claim:
    found = told["known_songs"][name]
    low, high = found[f"minus_{PMF}_ci95_artists"]
    turned = (None, None) if low is None else (-high, -low)  # less is better
    return Claim(claim, NO_FIGURE, _in_words(found), verdict(*turned))


def _as_well(differences: dict[str, Any]) -> Claim:
    """Joint training against what is heard alone, of new songs."""
    found = differences[f"{HLDBN}_minus_hybrid_joint"]
    low, high = found["auc_ci95_artists"]
    words = "too few artists for an interval" if low is None else f"{-high:+.3f} to {-low:+.3f}"
    answer: Verdict = verdict(low, high)
    opposite: dict[Verdict, Verdict] = {"holds": "does not hold", "does not hold": "holds"}
    claim = "A hybrid trained as a whole ranks new songs, where y = 0, as well as what is heard alone"
    return Claim(claim, NO_FIGURE, f"auc {-found['auc']:+.3f} ({words})", opposite.get(answer, answer))


def _level(told: dict[str, Any]) -> Claim:
    """The residual hybrid: by its making equal to HLDBN on new songs."""
    found = told["known_songs"][RESIDUAL]
    level = found[f"minus_{PMF}"] <= MOST_BEHIND
    return Claim(
        f"Factors fitted to what tastes leave: known songs within {MOST_BEHIND} of PMF, new ones as HLDBN",
        "not in the paper",
        _in_words(found),
        "holds" if level else "does not hold",
    )


def _in_words(found: dict[str, Any]) -> str:
    low, high = found[f"minus_{PMF}_ci95_artists"]
    ends = "too few artists for an interval" if low is None else f"{low:+.4f} to {high:+.4f}"
    return f"RMSE {found['rmse']:.4f}, {found[f'minus_{PMF}']:+.4f} ({ends})"
