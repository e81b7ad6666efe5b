"""Convolutions on the samples themselves, in the manner of sample-level networks (Lee et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

FULL_SCALE = 32767
"""Of int16 samples."""


class RawWaveformEncoder(nn.Module):
    """A strided convolution, then blocks of a convolution over three and a pooling by three.

    Lee et al. begin with a stride of 3 samples and need nine such blocks for 2.7 s; a longer first stride
    (27, about a millisecond) costs little and takes two blocks less. Over time the last block is pooled by
    mean and maximum, so that a window may have any length.

    Parameters
    ----------
    n_rows
        0: no rows of the image are read.
    n_outputs
        Length of the output vector.
    stride
        Samples under and between the filters of the first layer.
    channels
        Of the first layer and of every block.
    dropout
        Share of the pooled values left out in training.
    families
        As `earshot.encoders` describes.
    """

    families: ClassVar[tuple[str, ...]] = ("samples",)

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        stride: int = 27,
        channels: Sequence[int] = (32, 32, 64, 64, 128, 128),
        dropout: float = 0.3,
        families: Sequence[str] = families,
    ) -> None:
        super().__init__()
        if n_rows or list(families) != ["samples"]:
            raise ValueError(f"families={list(families)}: wanted samples alone")
        self.stem = nn.Sequential(
            nn.Conv1d(1, channels[0], stride, stride), nn.GroupNorm(1, channels[0]), nn.ReLU()
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(n_in, n_out, 3, padding=1),
                # over channels and time of a window: what a batch holds beside it does not matter
                nn.GroupNorm(1, n_out),
                nn.ReLU(),
                nn.MaxPool1d(3, ceil_mode=True),
            )
            for n_in, n_out in pairwise(channels)
        )
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * channels[-1], n_outputs))

    def forward(self, samples: Tensor) -> Tensor:
        """(batch, n_frames, samples a frame), int16 as float32, to (batch, n_outputs)."""
        x = samples.flatten(1)[:, None] / FULL_SCALE  # (batch, 1, n_samples)
        x = self.stem(x)  # (batch, channels, n_samples / stride)
        for block in self.blocks:
            x = block(x)  # a third as long
        pooled = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)  # (batch, 2 * channels)
        vectors: Tensor = self.head(pooled)
        return vectors
