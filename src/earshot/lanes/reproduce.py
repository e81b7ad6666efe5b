"""A stage through DVC, for whoever does not type `dvc repro`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from earshot import versioning
from earshot.stages.runner import stage_params


def reproduce(root: Path, target: str, say: Callable[[str], object]) -> bool:
    """As `earshot.versioning.reproduce`, but what stands in the stage's params file is checked first.

    DVC removes the stage's output before the stage itself can say that a key is wrong.
    """
    stage_params(root, target)
    return versioning.reproduce(root, target, say)
