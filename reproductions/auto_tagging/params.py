"""reproductions/auto_tagging/params.yaml, checked before any work; `Tagging` is for other papers too."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from earshot.classes import Component
from earshot.params import CONFIG, CnnCheckpoint, Count, Learning, Split

TAGS = Component("earshot.training.objectives.tags:Tags", {})

By = Literal["song", "artist", "mixed"]


@dataclass(frozen=True, config=CONFIG)
class TagChoice:
    """The `n_tags` most frequent labels of a column that `least_songs` have and as many lack."""

    column: Literal["tags", "genres"]
    n_tags: Count
    least_songs: Count


@dataclass(frozen=True, config=CONFIG)
class TagFolds:
    """Which songs are held out, one fold after the other, in every way of splitting in `by`."""

    by: Annotated[list[By], Field(min_length=1)]
    folds: Annotated[int, Field(ge=2)]
    held_out: Annotated[list[int], Field(min_length=1)]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]
    validation_share: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _folds_exist(self) -> TagFolds:
        for fold in self.held_out:
            self.split("song", fold)
        return self

    def split(self, by: By, fold: int) -> Split:
        """The split that holds out fold number `fold`: the songs that are cold in the main pipeline's."""
        return Split(by=by, folds=self.folds, fold=fold)


@dataclass(frozen=True, config=CONFIG)
class TagTraining(Learning):
    """How a network is trained to tell tags, with windows drawn at random from every song."""

    windows_per_song: Count
    optimizer: Literal["adamw", "sgd"] = "adamw"


@dataclass(frozen=True, config=CONFIG)
class Tagger:
    """A network that is trained for tags."""

    encoder: Component
    training: TagTraining

    @property
    def cnn(self) -> CnnCheckpoint:
        """Parameters that train it."""
        return CnnCheckpoint(encoder=self.encoder, objective=TAGS, **vars(self.training))


@dataclass(frozen=True, config=CONFIG)
class Tagging:
    """What every comparison of taggers has; `words` are those of the bag of words."""

    tags: TagChoice
    folds: TagFolds
    words: Count


@dataclass(frozen=True, config=CONFIG)
class AutoTagging(Tagging):
    """The whole of the file; the first of `networks` stands out in the tables."""

    networks: Annotated[dict[str, Tagger], Field(min_length=1)]

    @property
    def candidate(self) -> str:
        """Name of the first network."""
        return next(iter(self.networks))
