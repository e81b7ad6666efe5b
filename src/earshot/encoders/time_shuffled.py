"""An encoder that hears the frames of a window in random order: what it still knows needs no time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from earshot.classes import load_network


class TimeShuffled(nn.Module):
    """Another encoder, on windows whose frames are shuffled.

    In training every window has an order of its own, drawn from torch's generator like
    dropout. In prediction all windows of a length have the same one, so that a
    song's vector depends on nothing but the song. Rows that look beyond their frame
    (tempogram, MFCC differences) keep what they have seen there.

    Parameters
    ----------
    n_rows, n_outputs
        As `earshot.encoders` describes.
    encoder
        The other one, `{class_path, init_args}`; with its `n_frames` and `family_rows`, if it has such.
    families
        Families of rows, for the other one too.
    seed
        Of the order in prediction.
    """

    families: ClassVar[tuple[str, ...]] = ("mel",)

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        encoder: Mapping[str, Any],
        families: Sequence[str] = families,
        seed: int = 0,
    ) -> None:
        super().__init__()
        kind = load_network(encoder["class_path"], "cnn_checkpoint.encoder.init_args.encoder.class_path")
        self.network = kind(n_rows, n_outputs, **encoder["init_args"])
        self._seed = seed

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) to (batch, n_outputs)."""
        frames = windows.transpose(1, 2)  # (batch, n_frames, n_rows), as they lie in memory
        # (batch, 1), which broadcasts with the orders, (batch, n_frames)
        owners = torch.arange(len(frames), device=frames.device)[:, None]
        vectors: Tensor = self.network(frames[owners, self._orders(frames)].transpose(1, 2))
        return vectors

    def _orders(self, frames: Tensor) -> Tensor:
        """int64 (batch, n_frames)"""
        if self.training:
            # argsort of random numbers: a permutation of its own for each window
            return torch.rand(frames.shape[:2], device=frames.device).argsort(dim=1)
        generator = torch.Generator().manual_seed(self._seed)  # on the CPU: the same order on every device
        order = torch.randperm(frames.shape[1], generator=generator).to(frames.device)
        return order.expand(len(frames), -1)
