"""A stage through DVC, for whoever does not type `dvc repro`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from earshot import versioning
from earshot.costs import in_words
from earshot.files import write_json
from earshot.stages.runner import stage_params

SERVING, TRAINING = "serving", "training"
"""Lanes of dvc.yaml."""


def reproduce(root: Path, target: str, say: Callable[[str], object]) -> bool:
    """As `earshot.versioning.reproduce`, but what stands in the stage's params file is checked first.

    DVC removes the stage's output before the stage itself can say that a key is wrong.
    """
    stage_params(root, target)
    stand_in(root, target)
    return versioning.reproduce(root, target, say)


def stand_in(root: Path, target: str) -> None:
    """A folder that says so for each output that `target` reads of the training lane and nobody has made.

    Where a release was imported nothing need ever be trained, and DVC runs no stage that lacks a dep.
    """
    stages = {stage.target: stage for stage in versioning.read_pipeline(root)}
    if target not in stages or stages[target].lane != SERVING:
        return
    reads = stages[target].data_deps
    for stage in stages.values():
        if stage.lane == TRAINING and stage.recorded is None and stage.output in reads:
            place = root / stage.output
            if not place.exists() and place.suffix == "":  # not the pointer, which is a file
                place.mkdir(parents=True)
                write_json(place / "not_made_here.json", {"why": "nothing was trained here"})


def reproduce_saying(root: Path, target: str, say: Callable[[str], object], place: str = "") -> bool:
    """As `reproduce`; says when it begins, with its `place` among others, and how it ended, with the time."""
    say(f"{target} ...{place and f' ({place})'}")
    started = time.monotonic()
    ran = reproduce(root, target, say)
    took = in_words(time.monotonic() - started)
    say(f"{target}: {f'done in {took}' if ran else 'up to date, nothing ran'}")
    return ran
