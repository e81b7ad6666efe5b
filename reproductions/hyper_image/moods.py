"""The mood of held-out snippets and songs, out of the tags of the song table, by the same network."""

from __future__ import annotations

from typing import Any

from earshot.stages.paths import Paths
from hyper_image.params import HyperImageParams
from hyper_image.telling import tell

PARAMS = HyperImageParams


def run(paths: Paths, params: HyperImageParams) -> dict[str, Any]:
    """Write what `tell` writes, as `params.moods` says."""
    return tell(paths, params.of_moods(), "moods")
