"""Mean squared error to the item factors (van den Oord et al. 2013, eq. 4)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from earshot.training.examples import Examples, Hear


class FactorsMse(nn.Module):
    """|y - y_hat|^2 / factors, every song alike, with y centred and divided by one number for all factors.

    The shift and the scale are those of the training songs, so that a loss of 1
    is what their mean would reach.
    """

    targets: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        factors = torch.from_numpy(examples.factors)
        training = factors[: examples.n_training]
        mean = training.mean(dim=0)
        spread = (training - mean).square().mean().sqrt()  # one number, over songs and factors
        self.register_buffer("output_mean", mean)
        # songs that are all alike: targets are 0, not 0 / 0
        self.register_buffer("output_scale", torch.where(spread > 0, spread, torch.ones(())))
        self.register_buffer("targets", (factors - self.output_mean) / self.output_scale)

    @property
    def n_outputs(self) -> int:
        """Number of item factors."""
        return self.targets.shape[1]

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """Squared error of each song (eq. 4), float32 `(n,)`, averaged over the factors.

        Parameters
        ----------
        outputs
            Predicted factors on the scale of `targets`, float32 `(n, factors)`.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        return (outputs - self.targets[songs]).square().mean(dim=1)

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Nothing: it is that of the factorization."""
