"""Which song is this among those of the batch: a contrast of directions (Yeh et al. 2022)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from earshot.catalogue.split import artist_or_song
from earshot.columns import ARTIST_ID, SONG_ID
from earshot.training.examples import Examples, Hear
from earshot.training.score_space import FactorScale

_SHORTEST = 0.1
"""Outputs shorter than this are divided by it, not by their length: at 0 the gradient has no bound."""


class Contrastive(nn.Module):
    """Symmetric decoupled contrastive loss between what is predicted for songs and their factors.

    With s_ij = cosine(o_i, y_j) / temperature, o outputs and y factors, song i of a batch has the loss

        -s_ii + (log mean over j of exp(s_ij) + log mean over j of exp(s_ji)) / 2 + (|o_i| - 1)^2

    over all j of the batch that are of another artist: songs of one artist are near each other for good
    reasons, and windows of one song are the same song. As i itself is not among them, a song that is
    found already does not weigh less (Yeh et al., Decoupled contrastive learning, 2022, eq. 6). The mean
    in place of their sum takes away log of how many there are, so that a validation, by
    fewer songs than a training batch has, is no easier; what is left of the size is that a few songs
    seldom have one that is very near. 0 is the loss of knowing nothing, but for the length.

    Cosines know nothing of lengths, and the score of a song is a product. So outputs are drawn to length 1,
    at a right angle to what changes a cosine; all are then put where, of the songs for early stopping, scores
    are nearest to those of their factors (`FactorScale`). How popular a song is, which lengths of factors
    tell, is learned only as far as directions tell it too.

    Parameters
    ----------
    examples
        With user factors.
    temperature
        What cosines are divided by.
    """

    directions: Tensor
    artists: Tensor
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples, temperature: float = 0.1) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r}: wanted a number above 0")
        self._scale = FactorScale.of(examples)
        self._temperature = temperature
        factors = torch.from_numpy(examples.factors)
        songs = examples.songs
        artists = artist_or_song(songs[SONG_ID], songs[ARTIST_ID].fillna(""))
        self.register_buffer("directions", functional.normalize(factors, dim=1))
        self.register_buffer("artists", torch.from_numpy(np.unique(artists, return_inverse=True)[1]))
        self.register_buffer("output_mean", torch.zeros(factors.shape[1]))
        self.register_buffer("output_scale", torch.ones(()))

    @property
    def n_outputs(self) -> int:
        """Number of item factors."""
        return self.directions.shape[1]

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """The loss of each song among the others, float32 `(n,)`.

        A song without another artist's in the batch is not contrasted.

        Parameters
        ----------
        outputs
            float32 `(n, factors)`.
        songs
            Rows of the examples, int64 `(n,)`; one may stand there several times.
        """
        lengths = torch.linalg.vector_norm(outputs, dim=1, keepdim=True)  # (n, 1)
        predicted = outputs / lengths.clamp(min=_SHORTEST)
        similarities = predicted @ self.directions[songs].T / self._temperature  # (n, n): s_ij
        alike = self.artists[songs][:, None] == self.artists[songs]  # symmetric; itself too
        # not -inf: the gradient of a row without others would be nan
        others = similarities.masked_fill(alike, torch.finfo(similarities.dtype).min)
        n_others = (~alike).sum(dim=1)
        sums = (others.logsumexp(dim=1) + others.logsumexp(dim=0)) / 2
        contrast = sums - n_others.clamp(min=1).log() - similarities.diagonal()
        losses: Tensor = torch.where(n_others > 0, contrast, 0.0) + (lengths[:, 0] - 1).square()
        return losses

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Nothing: it is that of the factorization; outputs are put onto its scale from now on."""
        self._scale.line(hear).follow(self.output_mean, self.output_scale)
