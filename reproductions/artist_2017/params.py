"""reproductions/artist_2017/params.yaml, checked before any work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from auto_tagging.params import TagChoice
from comparison.params import Comparison, Network
from earshot.params import CONFIG, Count, Training


@dataclass(frozen=True, config=CONFIG)
class ArtistCurve:
    """Trainings on so many artists, with so many songs each to learn from, all of so many batches.

    Where there are fewer artists, or an artist has fewer songs, all are taken.
    """

    network: str
    artists: Annotated[list[Count], Field(min_length=1)]
    songs: Annotated[list[Count], Field(min_length=1)]
    steps: Count


@dataclass(frozen=True, config=CONFIG)
class Artist2017(Comparison):
    """The whole of the file.

    Attributes
    ----------
    labels
        What is learned from artists, trained by `learning`; what each gives is asked of artists never met.
    candidate
        The one of them that stands out in the tables.
    """

    learning: Training
    labels: dict[str, Network]
    candidate: str
    tags: TagChoice
    genres: TagChoice
    curve: ArtistCurve

    @model_validator(mode="after")
    def _labels_exist(self) -> Artist2017:
        for name in (self.candidate, self.curve.network):
            if name not in self.labels:
                raise ValueError(f"{name!r} is none of the labels: {', '.join(self.labels)}")
        if self.folds.by != "artist":
            raise ValueError(f"folds.by={self.folds.by}: wanted artist, so that no artist is met before")
        return self
