"""The genre of a song, or another label: softmax and cross-entropy, as in the hyper-image paper."""

from __future__ import annotations

from collections.abc import Collection

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

    Parameters
    ----------
    examples
        Songs with the column that is named.
    column
        Whose names are told, `;`-separated: with `tags` the genres are tags.
    among
        The names that count, such as those of moods among many tags; None: all.

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

    def __init__(
        self, examples: Examples, column: str = GENRES, among: Collection[str] | None = None
    ) -> None:
        super().__init__()
        if column not in examples.songs:
            raise UserError(f"column={column!r}: wanted one of {', '.join(map(str, examples.songs))}")
        self._column = column
        found = [names_among(text, among) for text in examples.songs[column].fillna("").astype(str)]
        names = [single(some) for some in found]
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
                f"{self._column}={self.genres} of the songs to learn from, {self.left_out} songs without a "
                "single one of them: two are wanted, and a song of one of them for early stopping"
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


def names_among(text: str, among: Collection[str] | None = None) -> set[str]:
    """The `;`-separated names in `text`, without regard to case; where `among` is given, those in it."""
    names = genre_names(text)
    return names if among is None else names & {name.casefold() for name in among}


def single(names: set[str]) -> str:
    """The name of a song that has one; `""` for a song of several or none."""
    return next(iter(names)) if len(names) == 1 else ""
