"""The settings of a paper differ in size alone, and small.yaml is what runs by default."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from earshot.params import read_params
from hybrids.params import Hybrids
from hyper_image.params import HyperImageParams
from wang_2014_hldbn.params import Wang2014

PAPERS = Path(__file__).parents[2] / "reproductions"
LARGER = {
    "wang_2014_hldbn": (
        Wang2014,
        {"folds.held_out", "folds.seeds", "fitting.epochs", "pretraining_seeds"},
    ),
    "hyper_image": (
        HyperImageParams,
        {
            *("folds.held_out", "moods.folds.held_out"),
            *("recommendation.folds.held_out", "recommendation.folds.seeds"),
            *(
                "composing.pieces",
                "composing.windows_of_longer",
                "composing.ascent.steps",
                "composing.trials",
            ),
            # a second network, which takes as long as the first
            *("composing.disturbed.noise", "composing.disturbed.stretch"),
        },
    ),
    "hybrids": (
        Hybrids,
        {
            *("folds.held_out", "folds.seeds", "first_listeners.listeners", "first_listeners.draws"),
            *("first_listeners.max_listeners", "made_catalogue.listeners", "made_catalogue.songs"),
            *("made_catalogue.artists", "made_catalogue.seeds"),
        },
    ),
}


def flat(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


@pytest.mark.parametrize("paper", LARGER)
def test_settings_differ_in_size_alone(paper: str) -> None:
    kind, larger = LARGER[paper]
    own, small, full = (
        flat(asdict(read_params(PAPERS / paper / f"{name}.yaml", kind)))
        for name in ("params", "small", "full")
    )
    assert own == small
    assert {key for key in own | full if own.get(key) != full.get(key)} == larger
