"""Factors of cold songs told from the layers of networks that were trained for tags of the warm ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comparison.claims import Claim, above, write_claims
from comparison.fold import Fold
from comparison.foot import draw_sources
from comparison.page import draw_page
from comparison.systems import BOUND, CONTROLS, DESCRIPTIONS, Make
from comparison.table import compare
from earshot.baselines.linear import one_scale, ridge, unit_deviation
from earshot.columns import SONG_ID
from earshot.evaluation.protocol import System
from earshot.stages.paths import Paths
from multi_level_2017.levels import LEVELS_OF_ALL, Part, describe_ladder, ladder, read_levels
from multi_level_2017.params import MultiLevel

PARAMS = MultiLevel

NAME = "multi-level features: factors"


def run(paths: Paths, params: MultiLevel) -> dict[str, Any]:
    """Write what `compare` writes, claims.json, report.html; of the first way of splitting in `folds.by`."""
    by, networks = params.folds.by[0], list(params.networks)
    levels = paths.data("multi_level_2017") / "cross_validation" / "levels"
    rungs: dict[str, Make] = {
        name: partial(_ridge, part=part, levels=levels, by=by) for name, part in ladder(networks).items()
    }
    bound = {BOUND: CONTROLS[BOUND]}
    makes = {name: make for name, make in CONTROLS.items() if name != BOUND} | rungs | bound
    table = compare(paths, params.comparison(by), makes)
    claims = _claims(table.differences, networks)
    write_claims(paths.output, claims)
    described = {**DESCRIPTIONS} | {
        name: f"a ridge regression on {words}, learned for tags"
        for name, words in describe_ladder(networks).items()
    }
    foot = draw_sources(
        paths.root,
        "reproductions/multi_level_2017/dvc.yaml:factors",
        ["data/multi_level_2017/cross_validation", "data/raw_audio", "data/play_counts", "data/hyper_images"],
    )
    page = draw_page(table, claims, described, LEVELS_OF_ALL, NAME, foot=foot)
    (paths.output / "report.html").write_text(page, encoding="utf-8")
    return table.summary(params.transfer.evaluation.k)


def _ridge(fold: Fold, part: Part, levels: Path, by: str) -> System:
    known = fold.known
    # a fold of the comparison and one of the tags have the same name, and the same songs held out
    vectors: NDArray[np.float32] = part(
        read_levels(levels / f"{by}-{fold.paths.root.name}", fold.songs[SONG_ID].to_numpy())
    )
    features = one_scale(unit_deviation(vectors, known.learn), known.learn)
    return System(fold.user_factors, fold.of_candidates(ridge(features, known.targets, known.learn)))


def _claims(differences: dict[str, Any], networks: list[str]) -> list[Claim]:
    return [
        above(
            f"Every layer of {name}, learned for tags, tells factors better than its last",
            "no figure is known",
            differences,
            (f"levels_of_{name}", f"last_of_{name}"),
        )
        for name in networks
    ]
