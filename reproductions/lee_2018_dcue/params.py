"""reproductions/lee_2018_dcue/params.yaml, checked before any work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

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
    """The whole of the file; `embeddings` are trained by `embedding`."""

    embedding: Training
    embeddings: dict[str, Network]
    curve: Curve
    hot: Hot
