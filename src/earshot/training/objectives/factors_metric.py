"""Squared error of the scores that predicted factors give: van den Oord et al. (2013), eq. 3, unweighted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from earshot.training.examples import Examples, Hear
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.score_space import mean_gram, mean_square


class FactorsMetric(nn.Module):
    """(y_hat - y)' X'X (y_hat - y) of every song, divided by what the mean of the training songs reaches.

    A song predicted at y_hat where the factorization has y is scored by listener u as x_u . y_hat in place
    of x_u . y. Eq. 3 with c = 1 for every pair and x_u . y for p, summed over all listeners, is

        sum over u of (x_u . y_hat - x_u . y)^2 = (y_hat - y)' X'X (y_hat - y)

    so that an error in a direction in which listeners differ much costs much. Other factors with the
    same scores have the same loss. A loss of 1 is that of the mean.

    Parameters
    ----------
    examples
        With user factors.
    """

    targets: Tensor
    gram: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        scaling = FactorsMse(examples)
        gram = mean_gram(examples)
        unit = mean_square(gram, scaling.targets[: examples.n_training].double().numpy())
        # songs that are all alike to every listener: the loss is 0, not 0 / 0
        gram = np.divide(gram, unit, out=np.zeros_like(gram), where=unit > 0)
        self.register_buffer("output_mean", scaling.output_mean)
        self.register_buffer("output_scale", scaling.output_scale)
        self.register_buffer("targets", scaling.targets)
        self.register_buffer("gram", torch.from_numpy(gram).float())

    @property
    def n_outputs(self) -> int:
        """Number of item factors."""
        return self.targets.shape[1]

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """Squared error of each song's scores over all listeners, float32 `(n,)`, by that of the mean.

        Parameters
        ----------
        outputs
            Predicted factors on the scale of `targets`, float32 `(n, factors)`.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        errors = outputs - self.targets[songs]  # (n, factors)
        return ((errors @ self.gram) * errors).sum(dim=1)

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Nothing: it is that of the factorization."""
