"""reproductions/oord_2013/params.yaml, checked before any work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from comparison.params import Comparison
from earshot.params import CONFIG, Count


@dataclass(frozen=True, config=CONFIG)
class CloserLook:
    """How much of it; the paper has 50 tags and 10,000 songs on the map."""

    tags: Count
    artists: Count
    songs: Count
    neighbours: Count
    map_songs: Annotated[int, Field(ge=1, le=10_000)]


@dataclass(frozen=True, config=CONFIG)
class Oord2013(Comparison):
    """The whole of the file."""

    mlr: bool
    closer_look: CloserLook
