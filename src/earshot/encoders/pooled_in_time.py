"""Convolutions along time, each pooled, until a window of three seconds is one frame (Lee et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn


class PooledInTime(nn.Module):
    """The audio tower of Lee et al. (2018), and with other numbers the network of Park et al. (2018).

    Every convolution is followed by ReLU and by the maximum of some frames. A window of 130 frames is
    130, 32, 8, 2 and 1 frames long behind the pools of 4, 4, 4 and 2; the mean over what is left comes before
    the output. Of a shorter window a pool takes all that is there, so that any length will do.

    Parameters
    ----------
    n_rows
        Rows of the image, the channels of the first convolution.
    n_outputs
        Length of the output vector.
    channels, kernels, pools
        Of every convolution: what it makes, frames under it, and frames that its maximum is taken of.
    batch_norm
        Whether every convolution is normalized over the batch (Park et al.).
    linear
        Whether a linear layer comes before the output; else that is the last convolution's mean.
    levels
        How many of the last convolutions are given beside the output, each as its mean over time before the
        ReLU, the last one first (the `multi` of Lee et al.). They are part of `n_outputs`.
    families
        Families of rows, as `earshot.encoders` describes.

    Example
    -------
    >>> PooledInTime(128, 256 + 4 * 256, levels=4)(torch.zeros(2, 128, 130)).shape
    torch.Size([2, 1280])
    """

    families: ClassVar[tuple[str, ...]] = ("mel",)

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        channels: Sequence[int] = (128, 256, 256, 256, 256),
        kernels: Sequence[int] = (4, 4, 4, 2, 1),
        pools: Sequence[int] = (4, 4, 4, 2, 1),
        batch_norm: bool = False,
        linear: bool = True,
        levels: int = 0,
        families: Sequence[str] = families,
    ) -> None:
        super().__init__()
        if not len(channels) == len(kernels) == len(pools) > 0:
            raise ValueError(
                f"channels={channels}, kernels={kernels}, pools={pools}: wanted one of each a layer"
            )
        if not 0 <= levels <= len(channels):
            raise ValueError(f"levels={levels}: wanted 0 to {len(channels)}, the convolutions that there are")
        self._levels = levels
        self._pools = list(pools)
        width = n_outputs - sum(list(channels)[len(channels) - levels :])
        if width < 1 or not (linear or width == channels[-1]):
            raise ValueError(
                f"n_outputs={n_outputs}: {width} are left of them beside {levels} levels of "
                f"channels={list(channels)}"
                + ("" if linear else f", wanted {channels[-1]} with linear=False")
            )
        self.convolutions = nn.ModuleList(
            nn.Sequential(
                # as many frames as before, of an even kernel one more behind than in front
                nn.ZeroPad2d(((kernel - 1) // 2, kernel // 2, 0, 0)),
                nn.Conv2d(n_in, n_out, (1, kernel)),
                nn.BatchNorm2d(n_out) if batch_norm else nn.Identity(),
            )
            for (n_in, n_out), kernel in zip(pairwise([n_rows, *channels]), kernels, strict=True)
        )
        self.output = nn.Linear(channels[-1], width) if linear else nn.Identity()
        # A time-major image is channels-last memory already; the convolutions are fastest so.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, n_outputs)."""
        x = windows.unsqueeze(2)  # (batch, n_rows, 1, n_frames)
        levels: list[Tensor] = []
        for convolution, pool in zip(self.convolutions, self._pools, strict=True):
            x = convolution(x)  # (batch, channels, 1, n_frames)
            levels.insert(0, x.mean(dim=(2, 3)))
            x = nn.functional.max_pool2d(torch.relu(x), (1, min(pool, x.shape[3])))
        return torch.cat([self.output(x.mean(dim=(2, 3))), *levels[: self._levels]], dim=1)
