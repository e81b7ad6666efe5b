"""Listeners learned together with the network: two towers that meet in a product."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from earshot.columns import SONG_ID
from earshot.factors.solves import confidence
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed
from earshot.training.examples import Examples, Hear
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.song_plays import SongPlays


class TwoTower(nn.Module):
    """Eq. 3 of van den Oord et al. (2013), its item factors those that the network predicts.

    Of a song with predicted vector y and all listeners' vectors X, which are learned and start where the
    factorization has them,

        sum over all users of c (p - x . y)^2 + lambda (|y|^2 + |X|^2 / n_songs)

    divided by what y = 0 reaches on average without the penalty: a loss of 1 is that of knowing nothing.

    Parameters
    ----------
    examples
        With user factors, plays, user ids, and the numbers of the factorization: c, eq. 2, and lambda are
        its; listeners who come later are solved with them.
    """

    listeners: nn.Parameter
    output_mean: Tensor
    output_scale: Tensor

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        if examples.user_factors is None or examples.plays is None or examples.user_ids is None:
            raise ValueError("examples: wanted user factors, plays and user ids")
        if examples.wmf is None:
            raise ValueError("examples: wanted the numbers of the factorization")
        self._wmf = examples.wmf
        self._user_ids = examples.user_ids
        self._song_ids = examples.songs[SONG_ID].to_numpy(dtype=object)[: examples.n_training]
        confidences = confidence(examples.plays, self._wmf.alpha, self._wmf.epsilon)
        self.listeners = nn.Parameter(torch.from_numpy(examples.user_factors.astype(np.float32)))
        self.plays = SongPlays(confidences)
        scaling = FactorsMse(examples)
        self.register_buffer("output_mean", scaling.output_mean)
        self.register_buffer("output_scale", scaling.output_scale)
        self._unit = float(confidences[: examples.n_training].sum()) / max(1, examples.n_training)

    @property
    def n_outputs(self) -> int:
        """Length of a vector."""
        return self.listeners.shape[1]

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """The loss of each song, float32 `(n,)`.

        Parameters
        ----------
        outputs
            Float32 `(n, n_outputs)`.
        songs
            Rows of the examples, int64 `(n,)`.
        """
        vectors = outputs * self.output_scale + self.output_mean  # (n, d)
        gram = self.listeners.T @ self.listeners
        errors = self.plays.error(self.listeners, gram, vectors, songs)
        of_listeners = self.listeners.square().sum() / max(1, len(self._song_ids))
        penalty = self._wmf.regularization * (vectors.square().sum(dim=1) + of_listeners)
        return (errors + penalty) / self._unit

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Write listeners as learned, and where `hear` puts the songs that they were learned with."""
        listeners = self.listeners.detach().cpu().numpy().astype(np.float32)
        songs = hear(np.arange(len(self._song_ids)))
        LearnedListeners(Placed(self._user_ids, listeners), Placed(self._song_ids, songs), self._wmf).save(
            folder
        )
