"""The recipe trained again on the other folds of the split, so that it can be judged by all artists.

With few artists held out one model shows nothing. Those of the other folds are
trained as it was, each with other songs held out; they are judged beside it, and never served.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from earshot.errors import UserError
from earshot.evaluation.cold_start import read_cold_start
from earshot.factors.numbers import WMF, read_numbers
from earshot.files import link
from earshot.params import Params, WmfFactors
from earshot.predictors.spreading import spread_networks
from earshot.processes import progress
from earshot.stages.paths import Paths
from earshot.stages.training_set import hold_out
from earshot.stages.wmf_factors import write_factors
from earshot.terminal import say

ENOUGH_ARTISTS = 100
"""Held out: so many tell one model from a random order, and from the release, by themselves."""
KEPT = {
    "cnn_checkpoint": ("encoder.json", "encoder.pt"),
    "wmf_factors": ("item_factors.npy", "items.parquet", WMF),
}
"""What judging a fold's model takes, by the stage that made it; also its taste space and artists' vectors."""


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write `<fold>/` with the files of `KEPT` for every other fold, or nothing where none is wanted.

    `folds` of the summary names them; `left_out` those in which nobody could be asked, and why.
    """
    split = params.training_set.split
    artists = len(read_cold_start(paths.data("training_set")).artist_starts)
    found: dict[str, Any] = {"cold_artists": artists, "folds": [], "left_out": {}}
    if params.release.folds == "one" or (params.release.folds == "auto" and artists >= ENOUGH_ARTISTS):
        return found
    wmf = read_numbers(paths.data("wmf_search"))
    others = [fold for fold in range(split.folds) if fold != split.fold]
    say(
        f"{artists} artists are held out: the recipe is judged by a model of each other fold too, "
        f"which takes about {len(others)} times as long as the first"
    )
    description = "Training the other folds"
    outcomes = spread_networks(partial(_model, paths, params, wmf), others, description)
    told = progress(outcomes, description=description, unit="models", total=len(others))
    for fold, why_not in zip(others, told, strict=True):
        if why_not is None:
            found["folds"].append(fold)
        else:
            found["left_out"][str(fold)] = why_not
            say(f"fold {fold} is left out: {why_not}")
    return found


def _model(paths: Paths, params: Params, wmf: WmfFactors, fold: int) -> str | None:
    """Write the model of a fold; the reason where nobody could be asked."""
    try:
        inside = hold_out(paths, params.training_set, fold)
        read_cold_start(inside.data("training_set"))
    except UserError as error:
        return str(error).replace(f"{paths.work}/", "")
    _train(inside, params, wmf, paths.output / str(fold))
    return None


def _train(inside: Paths, params: Params, wmf: WmfFactors, output: Path) -> None:
    # it imports Lightning, which takes 8 s that a run without other folds need not pay
    from earshot.stages.cnn_checkpoint import write_encoder

    inside.make("wmf_factors", lambda made: write_factors(made, wmf, params.seed))
    inside.make("cnn_checkpoint", lambda made: write_encoder(made, params))
    output.mkdir()
    for stage, names in KEPT.items():
        for name in names:
            link(inside.data(stage) / name, output / name)
    made = inside.data("cnn_checkpoint")
    for path in sorted([*made.glob("space*"), *made.glob("encoder.artists.*")]):
        link(path, output / path.name)
