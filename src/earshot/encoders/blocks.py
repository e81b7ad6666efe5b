"""The sound of a song and all else that is known of it: words, its artist, vectors of other networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from earshot.encoders.convolutional import ConvolutionalEncoder


class Blocks(nn.Module):
    """The convolutional encoder for songs of which nothing else is known, and for others a head over blocks.

    Of a song with other blocks x, side by side, and with the sound's values s before the convolutional
    encoder's own head, the head gives

        W x + V relu(U [s, x])

    Blocks come on one scale (`earshot.predictors.song_scale`); one that is missing is zeros. The head learns
    from s and changes nothing before it, so that a song of which nothing else is known is placed as by the
    convolutional encoder alone.

    Parameters
    ----------
    n_rows
        Rows of the image; 0 without sound.
    n_outputs
        Length of the output vector.
    widths
        Numbers of each other block, in the order of `families`; `earshot.predictors.song_encoder.describe`
        fills it in.
    families
        As `earshot.encoders` describes; those of the image, if any, first.
    hidden
        Width of the layer between U and V.
    dropout
        Share of s, of the blocks' numbers and of that layer's left out in training.
    missing
        Share of the windows in training of which a block is left out whole, each block by itself.
    sound
        Other init_args of the convolutional encoder.
    """

    families: ClassVar[tuple[str, ...]] = ("mel", "artist")
    answers_by_sound: ClassVar[bool] = True

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        widths: Mapping[str, int],
        families: Sequence[str] = families,
        hidden: int = 256,
        dropout: float = 0.3,
        missing: float = 0.25,
        sound: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not widths:
            raise ValueError(f"families={list(families)}: wanted one at least that is no row of the image")
        self.sound = ConvolutionalEncoder(n_rows, n_outputs, **(sound or {})) if n_rows else None
        n_pooled = 0 if self.sound is None else self.sound.n_pooled
        n_known = sum(widths.values())
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(n_known, n_outputs)
        last = nn.Linear(hidden, n_outputs, bias=False)
        self.together = nn.Sequential(
            nn.Linear(n_pooled + n_known, hidden), nn.ReLU(), nn.Dropout(dropout), last
        )
        # it starts at the mean of all songs: from random weights a short training ends below the sound alone
        for weight in (self.linear.weight, self.linear.bias, last.weight):
            nn.init.zeros_(weight)
        self._missing = missing

    def forward(self, *inputs: Tensor) -> Tensor:
        """Windows (batch, n_rows, n_frames), if there is sound, then (batch, width) of each other block.

        Returns
        -------
        (batch, n_outputs); in training (2 * batch, n_outputs) where there is sound: what the sound alone
        says of every window, then what the head says.
        """
        blocks = inputs if self.sound is None else inputs[1:]
        if self.training:
            blocks = tuple(self._with_gaps(block) for block in blocks)
        known = torch.cat(blocks, dim=1)  # (batch, all widths)
        if self.sound is None:
            return self._head(known, [])
        pooled = self.sound.pooled(inputs[0])
        alone: Tensor = self.sound.head(pooled)
        together = self._head(known, [self.dropout(pooled.detach())])
        if self.training:
            return torch.cat([alone, together])
        return torch.where((known != 0).any(dim=1, keepdim=True), together, alone)

    def _head(self, known: Tensor, sound: list[Tensor]) -> Tensor:
        known = self.dropout(known)
        vectors: Tensor = self.linear(known) + self.together(torch.cat([*sound, known], dim=1))
        return vectors

    def _with_gaps(self, block: Tensor) -> Tensor:
        kept = torch.rand(len(block), 1, device=block.device) >= self._missing  # a number a window
        return torch.where(kept, block, torch.zeros_like(block))
