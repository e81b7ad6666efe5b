"""The hyper-image paper's network, disturbed in training, so that it bears noise, jitter and time stretch."""

from __future__ import annotations

import torch
from torch import Tensor

from earshot.encoders.notation import NotationEncoder


class Disturbed(NotationEncoder):
    """A `NotationEncoder` that hears windows in training stretched in time, jittered and in noise.

    Parameters
    ----------
    noise
        Standard deviation of what is added to each value, in deviations of its row, at most; each window
        has a share of it drawn from 0 .. 1.
    stretch
        Windows are played faster or slower by up to this share, and begin elsewhere: of what lies beyond
        their ends they are repeated.
    """

    def __init__(
        self, n_rows: int, n_outputs: int, n_frames: int, architecture: str, noise: float, stretch: float
    ) -> None:
        super().__init__(n_rows, n_outputs, n_frames, architecture)
        self.noise, self.stretch = noise, stretch

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, n_outputs)."""
        return super().forward(self._disturb(windows) if self.training else windows)

    def _disturb(self, windows: Tensor) -> Tensor:
        n, n_rows, n_frames = windows.shape
        rates = 1 + self.stretch * (2 * torch.rand(n, 1) - 1)
        starts = n_frames * torch.rand(n, 1)
        places = (starts + rates * torch.arange(n_frames)).long() % n_frames  # (n, n_frames)
        stretched = windows.gather(2, places.to(windows.device)[:, None].expand(n, n_rows, n_frames))
        loud = self.noise * torch.rand(n, 1, 1)
        return stretched + (loud * torch.randn(n, n_rows, n_frames)).to(windows.device)
