"""reproductions/hyper_image/params.yaml, checked before any work."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from earshot.classes import Component
from earshot.params import CONFIG, CnnCheckpoint, Count, Learning, Split

GENRE = Component("earshot.training.objectives.genre:Genre", {})


@dataclass(frozen=True, config=CONFIG)
class SnippetFolds:
    """How many folds, and those that are held out, one after the other, in every way of splitting in `by`."""

    folds: Annotated[int, Field(ge=2)]
    held_out: Annotated[list[int], Field(min_length=1)]
    validation_share: Annotated[float, Field(gt=0, lt=1)]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    by: Annotated[list[Literal["snippet", "song", "artist"]], Field(min_length=1)] = field(
        default_factory=lambda: ["snippet", "song", "artist"]
    )

    @model_validator(mode="after")
    def _folds_exist(self) -> SnippetFolds:
        for fold in self.held_out:
            self.split(fold)
        return self

    def split(self, fold: int) -> Split:
        """By the hash of whatever is kept together."""
        return Split(by="song", folds=self.folds, fold=fold)


@dataclass(frozen=True, config=CONFIG)
class SnippetTraining(Learning):
    """How every network is trained, by stochastic gradient descent."""

    def of(self, encoder: Component) -> CnnCheckpoint:
        """Parameters that train `encoder` to tell genres, with one window a snippet."""
        return CnnCheckpoint(
            encoder=encoder, objective=GENRE, windows_per_song=1, optimizer="sgd", **vars(self)
        )


@dataclass(frozen=True, config=CONFIG)
class HyperImageParams:
    """The whole of the file; the first of `networks` is the paper's, and gives the embedding."""

    folds: SnippetFolds
    least_songs: Count
    training: SnippetTraining
    networks: Annotated[dict[str, Component], Field(min_length=1)]
    bootstraps: Annotated[int, Field(ge=100)]

    @property
    def candidate(self) -> str:
        """Name of the first network."""
        return next(iter(self.networks))
