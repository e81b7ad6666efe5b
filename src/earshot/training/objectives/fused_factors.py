"""Mean squared error to the item factors, once for each of several blocks: what late fusion adds up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earshot.spaces.fused import save_scales
from earshot.training.examples import Examples, Hear
from earshot.training.objectives.factors_mse import FactorsMse


class FusedFactors(nn.Module):
    """The loss of `FactorsMse` (van den Oord et al. 2013, eq. 4) of every block of the outputs, on average.

    An encoder for it puts `n_blocks` predictions of the factors side by side, each from something else that
    is known of a song. Their scores are added, each block's divided by the standard deviation of its scores
    over the songs for early stopping, which the network has not learned from.

    Parameters
    ----------
    examples
        With user factors.
    n_blocks
        How many.
    """

    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples, n_blocks: int = 2) -> None:
        super().__init__()
        if n_blocks < 1 or examples.user_factors is None:
            raise ValueError(f"n_blocks={n_blocks}: wanted at least 1, and examples with user factors")
        self._one = FactorsMse(examples)
        self._n_blocks = n_blocks
        users = examples.user_factors.astype(np.float64)
        self._gram = users.T @ users / len(users)  # (factors, factors): mean of x x'
        self._validation = np.arange(examples.n_training, len(examples.songs))
        self.register_buffer("output_mean", self._one.output_mean.repeat(n_blocks))
        self.register_buffer("output_scale", self._one.output_scale.repeat(self.n_outputs))

    @property
    def n_outputs(self) -> int:
        """Number of item factors, once a block."""
        return self._n_blocks * self._one.n_outputs

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """Squared error of each song, float32 `(n,)`, averaged over factors and blocks.

        Parameters
        ----------
        outputs
            Blocks of predicted factors, float32 `(n, n_blocks * factors)`.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        blocks = torch.split(outputs, self._one.n_outputs, dim=1)
        return torch.stack([self._one(block, songs) for block in blocks]).mean(dim=0)

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Write the scales of the blocks, and have outputs scaled with them from now on."""
        scales = self.scales(np.split(hear(self._validation), self._n_blocks, axis=1))
        save_scales(folder, scales)
        factor = torch.tensor(scales, dtype=torch.float32).repeat_interleave(self._one.n_outputs)
        self.output_mean *= factor.to(self.output_mean)
        self.output_scale *= factor.to(self.output_scale)

    def scales(self, blocks: list[NDArray[np.float32]]) -> list[float]:
        """One over the standard deviation of each block's scores, made to add up to 1.

        Parameters
        ----------
        blocks
            Predicted factors of the same songs, (n_songs, factors) each. A block that says the same of
            every song says nothing: it counts as the least of the others, by its spread.

        Returns
        -------
        (n_blocks,)
        """
        centred = [block.astype(np.float64) - block.mean(axis=0, dtype=np.float64) for block in blocks]
        # mean over listeners of the variance over songs of x . y: trace of mean(x x') cov(y)
        spreads = [np.sqrt((part @ self._gram * part).sum() / len(part)) for part in centred]
        smallest = min((spread for spread in spreads if spread > 0), default=1.0)
        inverse = np.array([1 / max(spread, smallest) for spread in spreads])
        return [float(each) for each in inverse / inverse.sum()]
