"""Small networks on part of a second of mel frames, of which every layer can be read (Lee and Nam 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn

_FIELD = 3
"""Frames under each filter."""


class FrameLevelCnn(nn.Module):
    """Convolutions of three frames over all rows, each normalized, rectified and pooled by its maximum.

    J. Lee, J. Nam: Multi-level and multi-scale feature aggregation using pre-trained convolutional neural
    networks for music auto-tagging (IEEE SPL 2017, arXiv:1703.01793). The paper has networks of 18, 27 and 54
    frames: pools of (3, 3, 2), (3, 3, 3) and (3, 3, 3, 2). A longer window leaves more places, of which the
    maximum is taken.

    Parameters
    ----------
    n_rows
        Rows of the image, the channels of the first convolution.
    n_outputs
        Length of the output vector.
    pools
        Frames that each layer's pooling makes one of.
    channels
        Of each layer.
    dropout
        Share of the last layer left out in training.
    families
        Families of rows, as `earshot.encoders` describes.
    n_frames
        Of a window; `earshot.predictors.song_encoder.describe` fills it in.

    Attributes
    ----------
    level_widths
        Channels of `levels`.

    Raises
    ------
    ValueError
        As many pools as channels are wanted, and a window that is not too short for the pools.
    """

    families: ClassVar[tuple[str, ...]] = ("mel",)

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        pools: Sequence[int] = (3, 3, 3),
        channels: Sequence[int] = (128, 128, 256),
        dropout: float = 0.5,
        families: Sequence[str] = families,
        n_frames: int | None = None,
    ) -> None:
        super().__init__()
        if len(pools) != len(channels) or not pools:
            raise ValueError(
                f"pools={list(pools)}, channels={list(channels)}: wanted one of each for a layer"
            )
        if n_frames is not None and n_frames < prod(pools):
            raise ValueError(
                f"windows of {n_frames} frames: wanted {prod(pools)} at least for pools={list(pools)}; a "
                "larger window_seconds, or smaller pools"
            )
        self.level_widths = list(channels)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(n_in, n_out, _FIELD, padding=_FIELD // 2), nn.BatchNorm1d(n_out), nn.ReLU()
            )
            for n_in, n_out in pairwise([n_rows, *channels])
        )
        self.pools = nn.ModuleList(nn.MaxPool1d(pool) for pool in pools)
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels[-1], n_outputs))

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, n_outputs)."""
        vectors: Tensor = self.output(self.levels(windows)[-1].amax(dim=2))
        return vectors

    def levels(self, windows: Tensor) -> list[Tensor]:
        """What every layer gives before its pooling, (batch, channels, frames) each, from the first on."""
        found, x = [], windows
        for layer, pool in zip(self.layers, self.pools, strict=True):
            found.append(layer(x))
            x = pool(found[-1])
        return found


class Levels(nn.Module):
    """The maximum over a window of what every layer of a network gives, side by side.

    Parameters
    ----------
    network
        One that has `levels(windows)`, a list of (batch, channels, time), and `level_widths`: channels.

    Attributes
    ----------
    n_outputs
        Sum of the widths.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.n_outputs = sum(network.level_widths)  # type: ignore[arg-type]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Inputs as of the network to (batch, n_outputs)."""
        levels: list[Tensor] = self.network.levels(*inputs)  # type: ignore[operator]
        return torch.cat([each.amax(dim=2) for each in levels], dim=1)
