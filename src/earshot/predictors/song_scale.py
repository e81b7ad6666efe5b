"""Vectors and words of songs on one scale, so that a family of long vectors is not louder than another."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class SongScale(nn.Module):
    """(values - mean) / scale of a family of unit `song`; a song of which it says nothing stays zeros.

    Parameters
    ----------
    width
        Numbers of a vector, or words.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))

    def fit(self, values: NDArray[np.float32], *, words: bool) -> None:
        """Have these songs, (n, width), reach the network with 1 as the root mean square of all numbers.

        Vectors are centred before; of words, of which a song has few, 0 stays 0. Songs of zeros do not count.

        Example
        -------
        >>> scale = SongScale(2)
        >>> scale.fit(np.array([[5, 2], [9, 2], [0, 0]], np.float32), words=False)
        >>> scale(torch.tensor([[9.0, 2.0], [0.0, 0.0]]))
        tensor([[1.4142, 0.0000],
                [0.0000, 0.0000]])
        """
        known = values[values.any(axis=1)].astype(np.float64)
        if not len(known):
            return
        mean = np.zeros(values.shape[1]) if words else known.mean(axis=0)
        spread = np.sqrt(((known - mean) ** 2).mean())
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.fill_(spread if spread > 0 else 1.0)  # of songs that are all alike: zeros

    def forward(self, values: Tensor) -> Tensor:
        """(batch, width), the same shape."""
        known = (values != 0).any(dim=1, keepdim=True)
        scaled: Tensor = torch.where(known, (values - self.mean) / self.scale, 0.0)
        return scaled
