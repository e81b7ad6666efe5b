"""Convolutions along time over all rows of the image at once (van den Oord et al. 2013, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn


class ConvolutionalEncoder(nn.Module):
    """Three convolutions along time, pooled over time by mean, maximum and spread, then two linear layers.

    Parameters
    ----------
    n_rows
        Rows of the image, the channels of the first convolution.
    n_outputs
        Length of the output vector.
    channels
        Of every convolution.
    kernel
        Frames under each convolution.
    hidden
        Width of the layer before the output.
    dropout
        Share of the pooled values and of the hidden layer left out in training.
    families
        Families of rows, as `earshot.encoders` describes. The others can be computed from
        mel, nearly, and with few songs more rows are more to overfit to.

    Attributes
    ----------
    n_pooled
        Numbers that come before the linear layers.
    """

    families: ClassVar[tuple[str, ...]] = ("mel",)

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        channels: int = 128,
        kernel: int = 4,
        hidden: int = 256,
        dropout: float = 0.3,
        families: Sequence[str] = families,
    ) -> None:
        super().__init__()
        widths = [n_rows, channels, channels, channels]
        self.n_pooled = 3 * channels
        # an even kernel adds a frame: n + 2 (kernel // 2) - kernel + 1
        self.convolutions = nn.ModuleList(
            nn.Conv2d(n_in, n_out, (1, kernel), padding=(0, kernel // 2)) for n_in, n_out in pairwise(widths)
        )
        # ceil_mode: an odd last frame is kept, and a single one
        self.pool = nn.MaxPool2d((1, 2), ceil_mode=True)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(self.n_pooled, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_outputs),
        )
        # A time-major image is channels-last memory already; the convolutions are fastest so.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, n_outputs)."""
        vectors: Tensor = self.head(self.pooled(windows))
        return vectors

    def pooled(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to what comes before the linear layers, (batch, n_pooled)."""
        x = windows.unsqueeze(2)  # (batch, n_rows, 1, n_frames)
        for number, convolution in enumerate(self.convolutions):
            x = torch.relu(convolution(x))  # (batch, channels, 1, n_frames)
            if number < len(self.convolutions) - 1:
                x = self.pool(x)  # n_frames halved
        x = x.squeeze(2)  # (batch, channels, about n_frames / 4)
        spread = (x.var(dim=2, correction=0) + 1e-6).sqrt()  # the gradient of a root is infinite at 0
        return torch.cat([x.mean(dim=2), x.amax(dim=2), spread], dim=1)
