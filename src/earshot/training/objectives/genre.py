"""The genre of a song: softmax and cross-entropy, as in the hyper-image paper."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from earshot.columns import GENRES, genre_names
from earshot.errors import UserError
from earshot.training.examples import Examples

_NO_PART = -1


class Genre(nn.Module):
    """-log softmax(outputs)[genre]; an output for every genre of the songs to learn from.

    Songs with several genres or none, and songs for early stopping whose genre no
    song to learn from has, take no part: their loss is 0, and they are counted.

    Attributes
    ----------
    genres
        Names of the outputs, sorted.
    left_out
        How many songs take no part.

    Raises
    ------
    UserError
        Fewer than two genres to tell apart, or no song for early stopping has one.
    """

    targets: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        names = [single_genre(text) for text in examples.songs[GENRES].fillna("")]
        self.genres = sorted({*names[: examples.n_training]} - {""})
        places = {genre: place for place, genre in enumerate(self.genres)}
        targets = torch.tensor([places.get(name, _NO_PART) for name in names])
        self.left_out = int((targets == _NO_PART).sum())
        self._refuse_useless(targets[examples.n_training :])
        self.register_buffer("targets", targets)
        self.register_buffer("output_mean", torch.zeros(len(self.genres)))
        self.register_buffer("output_scale", torch.ones(()))

    def _refuse_useless(self, validation: Tensor) -> None:
        if len(self.genres) < 2 or not (validation != _NO_PART).any():
            raise UserError(
                f"genres={self.genres} of the songs to learn from, {self.left_out} songs without a single "
                "one of them: two genres are wanted, and a song of one of them for early stopping"
            )

    @property
    def n_outputs(self) -> int:
        """Number of genres."""
        return len(self.genres)

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """Cross-entropy of each song, float32 `(n,)`; 0 for a song that takes no part.

        Parameters
        ----------
        outputs
            Logits in the order of `genres`, float32 `(n, n_genres)`.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        return nn.functional.cross_entropy(
            outputs, self.targets[songs], reduction="none", ignore_index=_NO_PART
        )


def single_genre(text: str) -> str:
    """The genre of a song that has one; `""` for a song of several or none."""
    names = genre_names(text)
    return names.pop() if len(names) == 1 else ""
