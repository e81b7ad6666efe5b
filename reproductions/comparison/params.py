"""What the params.yaml of every comparison has; a paper's own class adds to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from earshot.classes import Component
from earshot.params import CONFIG, CnnCheckpoint, Count, Split, Training, WmfFactors


@dataclass(frozen=True, config=CONFIG)
class Folds:
    """Which songs are held out, how often, and of which part of the catalogue; see `catalogue.split`."""

    by: Literal["song", "artist", "mixed"]
    folds: Annotated[int, Field(ge=2)]
    held_out: Annotated[list[int], Field(min_length=1)]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]
    validation_share: Annotated[float, Field(gt=0, lt=1)]
    most_played_songs: Count | None
    most_active_users: Count | None

    @model_validator(mode="after")
    def _folds_exist(self) -> Folds:
        for fold in self.held_out:
            self.split(fold)
        return self

    def split(self, fold: int) -> Split:
        """The split that holds out fold number `fold`."""
        return Split(by=self.by, folds=self.folds, fold=fold)


@dataclass(frozen=True, config=CONFIG)
class Network:
    """What is trained for what."""

    encoder: Component
    objective: Component

    def trained_by(self, training: Training) -> CnnCheckpoint:
        """Parameters that train the encoder for the objective as `training` says."""
        return CnnCheckpoint(encoder=self.encoder, objective=self.objective, **vars(training))


@dataclass(frozen=True, config=CONFIG)
class Evaluation:
    """Length of the lists that mAP and nDCG look at, and how often the content is dealt to other songs."""

    k: Count
    shuffles: Count


@dataclass(frozen=True, config=CONFIG)
class Comparison:
    """The part that all have; `words` are those of the bag of words, `networks` are trained by `training`."""

    folds: Folds
    wmf_factors: WmfFactors
    words: Count
    training: Training
    networks: dict[str, Network]
    evaluation: Evaluation
