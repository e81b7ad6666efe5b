"""Who plays this song: softmax over artists, for vectors that serve other ends (Park et al. 2018)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from earshot.columns import ARTIST_ID
from earshot.errors import UserError
from earshot.training.examples import Examples

NO_ARTIST = -1


class ArtistSoftmax(nn.Module):
    """-log softmax(W outputs + b)[artist], over the artists of the songs to learn from.

    The layer W, b is the objective's own: what the encoder gives are the vectors before it, which are what is
    wanted for artists that were never met. Songs that name no artist, and songs for early
    stopping whose artist no song to learn from has, take no part: their loss is 0.

    Parameters
    ----------
    examples
        With `artist_id` among their songs.
    dimensions
        Of a vector.

    Attributes
    ----------
    artists
        Those that are told apart, sorted.

    Raises
    ------
    UserError
        Fewer than two artists to tell apart, or no song for early stopping by one of them.
    """

    targets: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples, dimensions: int = 256) -> None:
        super().__init__()
        self.artists, targets = artist_numbers(examples)
        _refuse_useless(examples, len(self.artists), targets)
        self.layer = nn.Linear(dimensions, len(self.artists))
        self.register_buffer("targets", torch.from_numpy(targets))
        self.register_buffer("output_mean", torch.zeros(dimensions))
        self.register_buffer("output_scale", torch.ones(()))

    @property
    def n_outputs(self) -> int:
        """Length of a vector."""
        return len(self.output_mean)

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """Cross-entropy of each song, float32 `(n,)`; 0 for a song that takes no part.

        Parameters
        ----------
        outputs
            float32 `(n, dimensions)`.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        return nn.functional.cross_entropy(
            self.layer(outputs), self.targets[songs], reduction="none", ignore_index=NO_ARTIST
        )


def artist_numbers(examples: Examples) -> tuple[list[str], NDArray[np.int64]]:
    """Artists of the songs to learn from, sorted, and the place there of every song's artist.

    `(n,)`: `NO_ARTIST` of a song that names none, or another.
    """
    names = examples.songs[ARTIST_ID].fillna("").astype(str).tolist()
    artists = sorted({*names[: examples.n_training]} - {""})
    places = {artist: place for place, artist in enumerate(artists)}
    return artists, np.array([places.get(name, NO_ARTIST) for name in names], dtype=np.int64)


def _refuse_useless(examples: Examples, n_artists: int, targets: NDArray[np.int64]) -> None:
    if n_artists < 2 or not (targets[examples.n_training :] != NO_ARTIST).any():
        raise UserError(
            f"artist_id: {n_artists} artists among the {examples.n_training} songs to learn from, "
            f"{int((targets == NO_ARTIST).sum())} of {len(targets)} songs by none of them: two artists are "
            "wanted, and a song by one of them for early stopping"
        )
