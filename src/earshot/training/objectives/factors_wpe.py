"""Weighted prediction error of the plays themselves (van den Oord et al. 2013, eq. 5)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earshot.factors.solves import confidence
from earshot.training.examples import Examples, Hear
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.song_plays import SongPlays

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Doubles = NDArray[np.float64]


class FactorsWpe(nn.Module):
    """Sum over all users of c (p - x . y)^2, y the predicted factors of a song, divided by one number.

    A song weighs as much as it is played, as in the paper. The number is the same for all songs:
    what the mean of the training songs' factors reaches for them on average. So a loss of 1 is
    that of the mean; even the factors themselves are far from 0.

    Parameters
    ----------
    examples
        With user factors, plays, and the numbers of the factorization: its confidence c, eq. 2, is meant.
    """

    output_mean: Tensor
    output_scale: Tensor
    gram: Tensor
    user_factors: Tensor
    unit: Tensor

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        assert examples.user_factors is not None
        assert examples.plays is not None
        assert examples.wmf is not None
        confidences = confidence(examples.plays, examples.wmf.alpha, examples.wmf.epsilon)
        scaling = FactorsMse(examples)
        users = examples.user_factors.astype(np.float64)
        unit = _mean_loss(scaling.output_mean.double().numpy(), users, confidences[: examples.n_training])
        for name, values in {
            "output_mean": scaling.output_mean,
            "output_scale": scaling.output_scale,
            "gram": torch.from_numpy(users.T @ users).float(),
            "user_factors": torch.from_numpy(examples.user_factors),
            "unit": torch.tensor(unit).float(),
        }.items():
            self.register_buffer(name, values, persistent=False)  # large, and not learned
        self.plays = SongPlays(confidences)

    @property
    def n_outputs(self) -> int:
        """Number of item factors."""
        return self.user_factors.shape[1]

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """Weighted prediction error of each song over all users (eq. 5), float32 `(n,)`, divided by `unit`.

        Parameters
        ----------
        outputs
            float32 `(n, factors)`; times `output_scale` plus `output_mean` they are the predicted factors.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        factors = outputs * self.output_scale + self.output_mean  # (n, factors)
        return self.plays.error(self.user_factors, self.gram, factors, songs) / self.unit

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Nothing: it is that of the factorization."""


def _mean_loss(factors: Doubles, users: Doubles, confidences: csr_array) -> float:
    """What the same factors for every song reach, on average over the songs of `confidences`."""
    scores = users @ factors  # (n_users,)
    theirs = scores[confidences.indices]  # of the listener of each play, (n_plays,)
    extra = confidences.data.astype(np.float64) @ (1 - theirs) ** 2 - theirs @ theirs
    # scores @ scores: all users as if none had played, c = 1 and p = 0
    return float(scores @ scores + extra / confidences.shape[0])
