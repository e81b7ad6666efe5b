"""Sample-level networks: convolutions over three, from the samples up (Lee et al. 2017, Kim et al. 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from earshot.encoders.sample_blocks import Block, he_uniform

FULL_SCALE = 32767
"""Of int16 samples."""
_LEVELS = 3
"""Blocks whose outputs are joined where several are."""


class SampleCnn(nn.Module):
    """A strided convolution on samples, blocks after each of which time is a third, and two dense layers.

    Lee, Park, Kim, Nam: Sample-level deep convolutional neural networks for music auto-tagging using raw
    waveforms (2017), is what the defaults are; its last convolution, over one, is the first of the dense
    layers. Kim, Lee, Nam: Sample-level CNN architectures for music auto-tagging using raw waveforms (2018),
    has the other blocks and `multi`. With n blocks it hears `first` * 3 ** n samples: 59,049, and 19,683 with
    one of the six alike left out.

    Of rows of the image it is the same without the strided convolution, whose place the frames take.

    Parameters
    ----------
    n_rows
        0 for samples.
    n_outputs
        Length of the output vector.
    first
        Samples under and between the filters of the strided convolution.
    channels
        Of the strided convolution, then of each block. Of rows the first is not used.
    block
        One of `earshot.encoders.sample_blocks.KINDS`.
    multi
        The maxima over time of the last three blocks side by side go to the dense layers, not of the last.
    reduction
        As of `SqueezeExcitation`.
    dropout
        Share left out before the last layer in training.
    n_samples
        Heard of a window, from its start; more than `first` * 3 ** n leave more to take the maxima over.
    families
        As `earshot.encoders` describes: samples alone, or rows of the image.
    n_frames, widths
        Of a window, filled in: too short a one is refused.

    Attributes
    ----------
    stem
        The strided convolution; of rows nothing.
    blocks
        One by one.
    level_widths
        Channels of `levels`.
    """

    families: ClassVar[tuple[str, ...]] = ("samples",)

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        first: int = 3,
        channels: Sequence[int] = (128, 128, 128, 256, 256, 256, 256, 256, 256, 512),
        block: str = "basic",
        multi: bool = False,
        reduction: float = 1 / 8,
        dropout: float = 0.5,
        n_samples: int | None = None,
        families: Sequence[str] = families,
        n_frames: int | None = None,
        widths: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        n_blocks = len(channels) - 1
        fewest = (1 if n_rows else first) * 3**n_blocks
        self._n_samples = None if n_rows else n_samples or fewest
        self._refuse(n_rows, families, multi, n_blocks)
        _refuse_short(fewest, self._n_samples, n_frames, widths)
        self.stem = nn.Identity() if n_rows else _strided(channels[0], first)
        # rows are the channels that the strided convolution would have made
        through = [n_rows or channels[0], *channels[1:]]
        self.blocks = nn.ModuleList(Block(n_in, n_out, block, reduction) for n_in, n_out in pairwise(through))
        self._levels = _LEVELS if multi else 1
        self.level_widths = list(channels[1:][-_LEVELS:])
        n_pooled = sum(channels[-self._levels :])
        hidden, last = nn.Linear(n_pooled, n_pooled), nn.Linear(n_pooled, n_outputs)
        for layer in (hidden, last):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.head = nn.Sequential(hidden, nn.BatchNorm1d(n_pooled), nn.ReLU(), nn.Dropout(dropout), last)

    @staticmethod
    def _refuse(n_rows: int, families: Sequence[str], multi: bool, n_blocks: int) -> None:
        if ("samples" in families) == bool(n_rows) or (not n_rows and len(families) != 1):
            raise ValueError(f"families={list(families)}: wanted samples alone, or rows of the image alone")
        if n_blocks < (_LEVELS if multi else 1):
            wanted = f"{_LEVELS} blocks with multi" if multi else "a block"
            raise ValueError(f"channels: {n_blocks} behind the first, wanted {wanted} at least")

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_frames, samples a frame), int16 as float32, or (batch, n_rows, n_frames).

        Returns
        -------
        (batch, n_outputs)
        """
        levels = [each.amax(dim=2) for each in self.activations(self._heard(windows))[-self._levels :]]
        outputs: Tensor = self.head(torch.cat(levels, dim=1))
        return outputs

    def levels(self, windows: Tensor) -> list[Tensor]:
        """What the last three blocks give of windows as of `forward`: (batch, channels, time) each."""
        return self.activations(self._heard(windows))[-_LEVELS:]

    def _heard(self, windows: Tensor) -> Tensor:
        return windows if self._n_samples is None else windows.flatten(1)[:, : self._n_samples] / FULL_SCALE

    def activations(self, x: Tensor, n_layers: int | None = None) -> list[Tensor]:
        """What the strided convolution gives, then each block: (batch, channels, time).

        `x` are samples within -1 and 1, (batch, n_samples), or rows, (batch, n_rows, n_frames). The first
        `n_layers` alone can be asked with fewer samples than all of them need.
        """
        found = [self.stem(x if x.dim() == 3 else x.unsqueeze(1))]
        for block in self.blocks if n_layers is None else self.blocks[: n_layers - 1]:
            found.append(block(found[-1]))
        return found


def _strided(n_out: int, first: int) -> nn.Sequential:
    return nn.Sequential(he_uniform(nn.Conv1d(1, n_out, first, first)), nn.BatchNorm1d(n_out), nn.ReLU())


def _refuse_short(
    fewest: int, n_samples: int | None, n_frames: int | None, widths: Mapping[str, int] | None
) -> None:
    if n_samples is not None and n_samples < fewest:
        raise ValueError(f"n_samples={n_samples}: wanted {fewest:,} at least, or fewer blocks")
    wanted, unit = (fewest, "frames") if n_samples is None else (n_samples, "samples")
    if n_frames is not None and n_frames * (widths or {}).get("samples", 1) < wanted:
        raise ValueError(
            f"windows of {n_frames} frames: wanted {wanted:,} {unit} at least; a larger window_seconds, or "
            "fewer blocks"
        )
