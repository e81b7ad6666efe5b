"""Two songs of an artist are nearer than two of different ones: cosines and a hinge (Park et al. 2018)."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

from earshot.errors import UserError
from earshot.training.examples import Examples
from earshot.training.objectives.artist_softmax import NO_ARTIST, artist_numbers

_SHORTEST = 0.1
"""Outputs shorter than this are divided by it, not by their length: at 0 the gradient has no bound."""


class ArtistSiamese(nn.Module):
    """max(0, margin - cos(a, p) + cos(a, n)): p another song of the artist of a, n a song of another artist.

    Park et al. draw one p and 4 negatives for every a; here they are all songs of the batch that will do, in
    the mean: the same on average, and no window more. A song without another one of its artist in
    the batch has a loss of 0, so batches are to be large, a few songs an artist. A loss
    of 1 is that of cosines that are all alike.

    Parameters
    ----------
    examples
        With `artist_id` among their songs. Songs for early stopping stand in batches of neighbouring rows:
        those of an artist are to be side by side.
    dimensions
        Of a vector.
    margin
        In cosines; the paper's.

    Raises
    ------
    UserError
        Fewer than two artists with two songs to learn from, or none with two for early stopping.
    """

    artists: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples, dimensions: int = 256, margin: float = 0.4) -> None:
        super().__init__()
        if not margin > 0:
            raise ValueError(f"margin={margin!r}: wanted a number above 0")
        names, numbers = artist_numbers(examples)
        parts = (numbers[: examples.n_training], numbers[examples.n_training :])
        n_pairs = [_of_two_songs(part.tolist()) for part in parts]
        if n_pairs[0] < 2 or n_pairs[1] < 1:
            raise UserError(
                f"artist_id: of {len(names)} artists {n_pairs[0]} have two songs to learn from, and "
                f"{n_pairs[1]} two for early stopping: two are wanted, and one"
            )
        self._margin = margin
        self.register_buffer("artists", torch.from_numpy(numbers))
        self.register_buffer("output_mean", torch.zeros(dimensions))
        self.register_buffer("output_scale", torch.ones(()))

    @property
    def n_outputs(self) -> int:
        """Length of a vector."""
        return len(self.output_mean)

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """The loss of each song among the others, float32 `(n,)`.

        Parameters
        ----------
        outputs
            float32 `(n, dimensions)`.
        songs
            Rows of the examples, int64 `(n,)`; one may stand there twice, and is not its own positive.
        """
        lengths = torch.linalg.vector_norm(outputs, dim=1, keepdim=True)
        unit = outputs / lengths.clamp(min=_SHORTEST)
        cosines = unit @ unit.T  # (n, n)
        artists = self.artists[songs]
        named = artists != NO_ARTIST
        alike = (artists[:, None] == artists) & named
        negative = (~alike & named & named[:, None]).to(outputs.dtype)
        # a song and another one of its artist, (n_pairs,) each
        of, other = (alike & (songs[:, None] != songs)).nonzero(as_tuple=True)
        missing = (self._margin - cosines[of, other][:, None] + cosines[of]).relu()  # (n_pairs, n)
        sums = outputs.new_zeros(len(songs)).index_add(0, of, (missing * negative[of]).sum(dim=1))
        counts = outputs.new_zeros(len(songs)).index_add(0, of, negative[of].sum(dim=1))
        return sums / (counts.clamp(min=1) * self._margin)


def _of_two_songs(artists: list[int]) -> int:
    """How many artists have two songs or more."""
    return sum(n > 1 for artist, n in Counter(artists).items() if artist != NO_ARTIST)
