"""The order of songs for each listener: a squared hinge in place of 1 - AUC (Gao and Zhou 2015)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from earshot.training.examples import Examples, Hear
from earshot.training.objectives.factors_mse import FactorsMse
from earshot.training.score_space import FactorScale, mean_square
from earshot.training.song_plays import SongPlays, unplayed

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class FactorsAuc(nn.Module):
    """max(0, 1 - (s_ui - s_uj))^2 over pairs of a song i that a listener u has played and one, j, that not.

    AUC is the share of such pairs in the right order, by listener, and the mean over listeners. The squared
    hinge bounds the share in the wrong one, and is consistent with it (Gao and Zhou, On the consistency of
    AUC pairwise optimization, 2015, theorem 4); a logistic loss took four times as long. Listeners stay where
    the factorization has them. Negatives of a play of song i are all other songs of the batch that its
    listener has not played. With n_u the songs that u has played, song i has the loss

        n_songs / n_listeners * sum over its listeners u of 1 / n_u * mean over j of
            max(0, 1 - x_u . (y_i - y_j) / unit)^2

    so that the mean over all songs is that over listeners of the mean over their songs, as of AUC; songs for
    early stopping count theirs by themselves. A mean over j hangs on the size of a batch only by chance. A
    loss of 1 is that of scores that are all alike; `unit`, how far a listener's scores of the training
    songs spread on average, is the margin that is wanted.

    AUC knows nothing of the scale of scores: at the end predictions are put where those of
    the songs for early stopping are nearest to their factors' (`FactorScale`).

    Parameters
    ----------
    examples
        With user factors and plays.
    """

    output_mean: Tensor
    output_scale: Tensor
    user_factors: Tensor
    unit: Tensor

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        if examples.user_factors is None or examples.plays is None:
            raise ValueError("examples: wanted user factors and plays")
        self._scale = FactorScale.of(examples)
        scaling = FactorsMse(examples)
        centred = (examples.factors[: examples.n_training] - scaling.output_mean.numpy()).astype(np.float64)
        unit = np.sqrt(mean_square(self._scale.gram, centred))
        self.register_buffer("output_mean", scaling.output_mean)
        self.register_buffer("output_scale", scaling.output_scale)
        for name, values in {
            "user_factors": torch.from_numpy(examples.user_factors),
            "unit": torch.tensor(unit if unit > 0 else 1.0).float(),
        }.items():
            self.register_buffer(name, values, persistent=False)  # large, and not learned
        self.plays = SongPlays(_weights(examples.plays, examples.n_training))

    @property
    def n_outputs(self) -> int:
        """Number of item factors."""
        return self.user_factors.shape[1]

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """The loss of each song against the others, float32 `(n,)`.

        A play whose listener has played all songs of the batch has no negatives, and counts nothing.

        Parameters
        ----------
        outputs
            float32 `(n, factors)`; times `output_scale` plus `output_mean` they are the predicted factors.
        songs
            Rows of the examples, int64 `(n,)`; one may stand there several times.
        """
        # the mean is the same for every song, and leaves all differences of scores as they are
        vectors = outputs * self.output_scale / self.unit  # (n, factors)
        plays, owners = self.plays.of(songs)  # (n_plays,) each
        listeners = self.plays.listeners[plays]
        scores = self.user_factors.index_select(0, listeners) @ vectors.T  # (n_plays, n): s_uj
        negative = unplayed(listeners, owners, len(songs)).to(scores.dtype)
        # 1 - (s_ui - s_uj), where that is above 0
        missing = (scores + (1 - scores.gather(1, owners[:, None]))).relu() * negative
        means = missing.square().sum(dim=1) / negative.sum(dim=1).clamp(min=1)  # (n_plays,)
        return outputs.new_zeros(len(songs)).index_add(0, owners, self.plays.numbers[plays] * means)

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Nothing: it is that of the factorization; outputs are put onto its scale from now on."""
        self._scale.line(hear).follow(self.output_mean, self.output_scale)


def _weights(plays: csr_array, n_training: int) -> csr_array:
    """n_songs / (n_listeners * n_u) of every play, (n, n_users): of the first songs, and of those behind."""
    from scipy.sparse import csr_array

    weights = np.empty(plays.nnz)
    ends = int(plays.indptr[n_training]), plays.nnz  # CSR: plays of the first songs come first
    for part, n_songs in (
        (slice(0, ends[0]), n_training),
        (slice(*ends), plays.shape[0] - n_training),
    ):
        counts = np.bincount(plays.indices[part], minlength=plays.shape[1])  # n_u, (n_users,)
        weights[part] = n_songs / (np.count_nonzero(counts) * counts[plays.indices[part]])
    return csr_array((weights.astype(np.float32), plays.indices, plays.indptr), shape=plays.shape)
