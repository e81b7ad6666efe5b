"""reproductions/lee_2018_dcue/params.yaml, checked before any work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from auto_tagging.params import TagChoice
from comparison.params import Comparison, Network
from earshot.params import CONFIG, Count, Positive, Training


@dataclass(frozen=True, config=CONFIG)
class Curve:
    """How the curve of AUC by time is measured.

    Attributes
    ----------
    networks
        Those of `embeddings` that it is measured of.
    windows
        Heard by each training, and between two points of its curve.
    batch_size
        Songs in a batch whose negatives are those of the batch.
    pairs
        Listener and song, in a batch whose negatives are drawn out of all songs; the paper has 10.
    negatives
        Drawn for each of these pairs; the paper has 20.
    """

    networks: list[str]
    windows: Count
    windows_between: Count
    batch_size: Count
    pairs: Count
    negatives: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    ema_decay: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=CONFIG)
class Hot:
    """The known songs, some plays of each listener held out; `networks` of the embeddings are asked too."""

    held_out_share: Annotated[float, Field(gt=0, lt=1)]
    networks: list[str]


@dataclass(frozen=True, config=CONFIG)
class Lee2018(Comparison):
    """The whole of the file.

    Attributes
    ----------
    embedding
        How every network of `embeddings` is trained.
    candidate
        The one of them that stands out in the tables.
    """

    embedding: Training
    embeddings: dict[str, Network]
    candidate: str
    tags: TagChoice
    curve: Curve
    hot: Hot

    @model_validator(mode="after")
    def _embeddings_exist(self) -> Lee2018:
        named = [self.candidate, *self.curve.networks, *self.hot.networks]
        missing = [name for name in named if name not in self.embeddings]
        if missing:
            raise ValueError(f"{missing[0]!r} is none of the embeddings: {', '.join(self.embeddings)}")
        if self.candidate not in self.hot.networks:
            raise ValueError(f"hot.networks={self.hot.networks}: wanted {self.candidate!r} among them")
        return self
