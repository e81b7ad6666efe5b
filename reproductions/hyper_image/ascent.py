"""Gradient ascent to hyper-images that a network names as is wanted, of free levels or of real frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from earshot.store.rows import LEVELS
from hyper_image.params import Ascent

Network = Callable[[Tensor], Tensor]
"""Windows of stored levels (batch, n_frames, n_rows) to logits (batch, n_labels)."""
Array = NDArray[np.float32]

_LAST_TEMPERATURE = 0.05
_LEVEL_STEP, _WEIGHT_STEP = 4.0, 0.3
"""Learning rates of Adam, about the change in a step: of levels, of logarithms of weights."""
_FREE_DEVIATIONS = 2.0


class FreeLevels(nn.Module):
    """Images of which every level of every frame is free, from `start` (n, n_frames, n_rows) on."""

    step = _LEVEL_STEP

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.levels = nn.Parameter(start.clone())

    def forward(self, temperature: float) -> Tensor:
        """(n, n_frames, n_rows), in 0 .. 255."""
        return self.levels.clamp(0, LEVELS)

    def settled(self) -> Tensor:
        """The images as they are after the ascent, (n, n_frames, n_rows)."""
        return self.levels.detach().clamp(0, LEVELS)


class RealFrames(nn.Module):
    """Images of stretches of real songs, one after another.

    Free are the weights of all stretches at each place, softmax(a / temperature). As the temperature falls
    one of them is left, and `settled` takes it alone: frames as they are somewhere in a song.

    Parameters
    ----------
    stretches
        (n_stretches, length, n_rows), levels.
    start
        a, (n, n_places, n_stretches).
    n_frames
        Of an image; the last stretch is cut there.
    """

    step = _WEIGHT_STEP
    stretches: Tensor

    def __init__(self, stretches: Tensor, start: Tensor, n_frames: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(start.clone())
        self.register_buffer("stretches", stretches)
        self.n_frames = n_frames

    def shares(self, temperature: float) -> Tensor:
        """Weight of each stretch at each place, (n, n_places, n_stretches)."""
        return functional.softmax(self.weights / temperature, dim=2)

    def forward(self, temperature: float) -> Tensor:
        """(n, n_frames, n_rows)."""
        n_rows = self.stretches.shape[2]
        mixed = self.shares(temperature) @ self.stretches.flatten(1)  # (n, n_places, length * n_rows)
        return mixed.reshape(len(mixed), -1, n_rows)[:, : self.n_frames]

    def chosen(self) -> Tensor:
        """Number of the stretch with the largest weight at each place, (n, n_places)."""
        return self.weights.detach().argmax(dim=2)

    def settled(self) -> Tensor:
        """Images of these alone, (n, n_frames, n_rows)."""
        return self.stretches[self.chosen()].flatten(1, 2)[:, : self.n_frames]


@dataclass(frozen=True)
class Heights:
    """What ascent climbs: how surely a network names images as is wanted, less what is not like music.

    Attributes
    ----------
    network
        Names windows of `n_window` frames.
    wanted
        Number of the label of each image, (n,).
    n_window
        Frames of a window; an image is heard as windows side by side, and the rest left out.
    mean, scale
        Of each row over real frames, (n_rows,).
    settings
        How images are disturbed and what is taken off.
    """

    network: Network
    wanted: Tensor
    n_window: int
    mean: Tensor
    scale: Tensor
    settings: Ascent

    def of(self, images: Tensor, draw: torch.Generator) -> Tensor:
        """Of images (n, n_frames, n_rows), (n,); jitter and noise are drawn from `draw`."""
        settings = self.settings
        n, n_frames, n_rows = images.shape
        by = int(torch.randint(n_frames, (), generator=draw)) if settings.jitter else 0
        n_windows = n_frames // self.n_window
        # windows of an image side by side, (n * n_windows, n_window, n_rows)
        windows = images.roll(by, 1)[:, : n_windows * self.n_window].reshape(-1, self.n_window, n_rows)
        if settings.noise:
            windows = windows + settings.noise * self.scale * torch.randn(windows.shape, generator=draw)
        told = functional.cross_entropy(
            self.network(windows), self.wanted.repeat_interleave(n_windows), reduction="none"
        )
        steps = images.diff(dim=1).abs().mean((1, 2)) + images.diff(dim=2).abs().mean((1, 2))
        far = ((images - self.mean) / self.scale).square() - _FREE_DEVIATIONS**2
        unlike = settings.smoothness * steps + settings.in_range * far.clamp(min=0).mean((1, 2))
        return -told.reshape(n, n_windows).mean(1) - unlike


def ascend(images: FreeLevels | RealFrames, heights: Heights, seed: int) -> Tensor:
    """Climb by Adam, from temperature 1 to 0.05; the settled images, (n, n_frames, n_rows)."""
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(images.parameters(), lr=images.step)
    steps = heights.settings.steps
    for step in range(steps):
        temperature = _LAST_TEMPERATURE ** (step / steps)
        optimizer.zero_grad()
        (-heights.of(images(temperature), draw)).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return images.settled()
