"""A stage through DVC, for whoever does not type `dvc repro`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from earshot import versioning
from earshot.costs import in_words
from earshot.stages.runner import stage_params


def reproduce(root: Path, target: str, say: Callable[[str], object]) -> bool:
    """As `earshot.versioning.reproduce`, but what stands in the stage's params file is checked first.

    DVC removes the stage's output before the stage itself can say that a key is wrong.
    """
    stage_params(root, target)
    return versioning.reproduce(root, target, say)


def reproduce_saying(root: Path, target: str, say: Callable[[str], object], place: str = "") -> bool:
    """As `reproduce`; says when it begins, with its `place` among others, and how it ended, with the time."""
    say(f"{target} ...{place and f' ({place})'}")
    started = time.monotonic()
    ran = reproduce(root, target, say)
    took = in_words(time.monotonic() - started)
    say(f"{target}: {f'done in {took}' if ran else 'up to date, nothing ran'}")
    return ran
