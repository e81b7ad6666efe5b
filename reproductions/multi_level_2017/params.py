"""reproductions/multi_level_2017/params.yaml, checked before any work."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from auto_tagging.params import By, TagChoice, Tagger, Tagging
from comparison.params import Comparison, Evaluation, Folds, Network
from earshot.params import CONFIG, Training, WmfFactors


@dataclass(frozen=True, config=CONFIG)
class Transfer:
    """What else is told from the networks' layers: genres, and factors of the songs' plays.

    `seeds` are some of those of the networks; `training` and `networks` those of the comparison of factors:
    `cnn_mse`.
    """

    seeds: Annotated[list[int], Field(min_length=1)]
    genres: TagChoice
    wmf_factors: WmfFactors
    training: Training
    networks: dict[str, Network]
    evaluation: Evaluation


@dataclass(frozen=True, config=CONFIG)
class MultiLevel(Tagging):
    """The whole of the file; `networks` are trained for tags, each by itself."""

    networks: Annotated[dict[str, Tagger], Field(min_length=2)]
    transfer: Transfer

    @model_validator(mode="after")
    def _networks_of_the_seeds(self) -> MultiLevel:
        unknown = sorted(set(self.transfer.seeds) - set(self.folds.seeds))
        if unknown:
            raise ValueError(f"transfer.seeds={unknown}: wanted some of folds.seeds={self.folds.seeds}")
        return self

    def comparison(self, by: By) -> Comparison:
        """That of factors, with the same songs held out."""
        folds = Folds(
            by=by,
            folds=self.folds.folds,
            held_out=self.folds.held_out,
            seeds=self.transfer.seeds,
            validation_share=self.folds.validation_share,
            most_played_songs=None,
            most_active_users=None,
        )
        transfer = self.transfer
        return Comparison(
            folds, transfer.wmf_factors, self.words, transfer.training, transfer.networks, transfer.evaluation
        )

    @property
    def of_genres(self) -> Tagging:
        """The comparison of genres, with the same songs held out."""
        return Tagging(self.transfer.genres, replace(self.folds, seeds=self.transfer.seeds), self.words)
