"""reproductions/wang_2014_hldbn/params.yaml, checked before any work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from comparison.params import Comparison
from earshot.params import CONFIG, Count, NotNegative, Positive


@dataclass(frozen=True, config=CONFIG)
class Pretraining:
    """How each restricted Boltzmann machine learns; rates of the lowest one, and of those above it."""

    epochs: Count
    batch_size: Count
    momentum: Annotated[float, Field(ge=0, lt=1)]
    decay: NotNegative
    gaussian_rate: Positive
    binary_rate: Positive


@dataclass(frozen=True, config=CONFIG)
class Fitting:
    """How ratings are fitted.

    `widths` are those of the deep belief net's hidden layers, `outputs` the length of x_v, `factors` of y_v;
    `tastes_penalty` and `factors_penalty` weigh |beta_u - mu|^2 and |gamma_u|^2 + |y_v|^2, a pair each.
    """

    widths: Annotated[list[Count], Field(min_length=1)]
    outputs: Count
    factors: Count
    epochs: Count
    batch_size: Count
    learning_rate: Positive
    network_decay: NotNegative
    tastes_penalty: NotNegative
    factors_penalty: NotNegative


@dataclass(frozen=True, config=CONFIG)
class HeldOutShares:
    """Shares of the plays of warm songs that are to be told, and that tell when to stop."""

    told: Annotated[float, Field(gt=0, lt=1)]
    stop: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _some_left(self) -> HeldOutShares:
        if self.told + self.stop >= 1:
            raise ValueError(f"told={self.told}, stop={self.stop}: wanted less than 1 together")
        return self


@dataclass(frozen=True, config=CONFIG)
class Wang2014(Comparison):
    """The whole of the file; `pretraining_seeds` are those of the gain of pre-training, in the first fold."""

    held_out: HeldOutShares
    fitting: Fitting
    pretraining: Pretraining
    pretraining_seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=2)]
