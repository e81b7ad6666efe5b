"""The genre of held-out snippets and songs, over folds, in ways of splitting; the embedding of every song."""

from __future__ import annotations

from typing import Any

from earshot.stages.paths import Paths
from hyper_image.params import HyperImageParams
from hyper_image.telling import tell

PARAMS = HyperImageParams


def run(paths: Paths, params: HyperImageParams) -> dict[str, Any]:
    """Write what `tell` writes, of `params.labels`."""
    return tell(paths, params, "cross_validation")
