"""Sound and what is said of a song, such as its genres, each predicting in a block of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from earshot.encoders.convolutional import ConvolutionalEncoder


class SoundAndWords(nn.Module):
    """The convolutional encoder on rows of the image, and a linear layer on the words, side by side.

    For objectives of two blocks (`earshot.training.objectives.fused_factors`): the first half of the outputs
    is predicted from the sound, the second from the words. Of a song of which nothing is said the second
    half is the same as of any other such song, so that the sound decides between them.

    Parameters
    ----------
    n_rows
        Rows of the image.
    n_outputs
        Length of the output vector, even.
    widths
        How many words are known, as `metadata`; `earshot.predictors.song_encoder.describe` fills it in.
    families
        As `earshot.encoders` describes; with metadata, last.
    dropout
        Share of the words left out in training.
    sound
        Other init_args of the convolutional encoder.
    """

    families: ClassVar[tuple[str, ...]] = ("mel", "metadata")

    def __init__(
        self,
        n_rows: int,
        n_outputs: int,
        widths: Mapping[str, int],
        families: Sequence[str] = families,
        dropout: float = 0.2,
        sound: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if n_outputs % 2 or not n_rows or list(widths) != ["metadata"]:
            raise ValueError(
                f"n_outputs={n_outputs}, families={list(families)}: wanted an objective of two blocks, "
                "rows of the image and metadata"
            )
        self.sound = ConvolutionalEncoder(n_rows, n_outputs // 2, **(sound or {}))
        self.words = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths["metadata"], n_outputs // 2))

    def forward(self, windows: Tensor, words: Tensor) -> Tensor:
        """(batch, n_rows, n_frames) and (batch, n_words), 1 where a word is said, to (batch, n_outputs)."""
        return torch.cat([self.sound(windows), self.words(words)], dim=1)
