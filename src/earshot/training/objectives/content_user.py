"""Deep content-user embedding: listeners and songs by the angle between them (Lee et al. 2018)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from earshot.columns import SONG_ID
from earshot.factors.solves import confidence, solve_rows
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed, Vectors
from earshot.training.examples import Examples, Hear
from earshot.training.score_space import FactorScale
from earshot.training.song_plays import SongPlays, unplayed

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SHORTEST = 0.1
"""Outputs shorter than this are divided by it, not by their length: at 0 the gradient has no bound."""


class ContentUser(nn.Module):
    """max(0, margin - cos(u, i) + cos(u, j)): a song i that a listener u has played before one, j, that not.

    Every play is a positive. Its negatives are all other songs of the batch that the listener has not
    played, in the mean, where Lee et al. draw 20 out of all songs: a batch is drawn out of all songs, so on
    average that is the same, and costs no window more. With several heads (`multi`) the outputs are as many
    vectors side by side, each meets a head of the listeners', and their losses are averaged.
    A loss of 1 is that of scores that are all alike. Songs for early stopping count theirs by themselves.

    Cosines know nothing of lengths, and the score of a song is a product. So outputs are drawn to length 1,
    at a right angle to what changes a cosine.

    Parameters
    ----------
    examples
        With user factors, plays, user ids, and the numbers of the factorization.
    users
        What is known of a listener before: nothing (`random`, a learned vector through two layers, as in
        the paper), or their factors (`factors`, through one linear layer).
    dimensions
        Of a head.
    heads
        How many.
    hidden
        Width of the listeners' vectors and of the layer behind them, where they are learned from nothing.
    margin
        In cosines; the paper's.
    """

    output_mean: Tensor
    output_scale: Tensor

    def __init__(
        self,
        examples: Examples,
        users: Literal["random", "factors"] = "random",
        dimensions: int = 256,
        heads: int = 1,
        hidden: int = 300,
        margin: float = 0.2,
    ) -> None:
        super().__init__()
        if users not in ("random", "factors"):
            raise ValueError(f"users={users!r}: wanted random or factors")
        if not (margin > 0 and min(dimensions, heads, hidden) > 0):
            raise ValueError(f"{margin=}, {dimensions=}, {heads=}, {hidden=}: wanted numbers above 0")
        if examples.user_factors is None or examples.plays is None or examples.user_ids is None:
            raise ValueError("examples: wanted user factors, plays and user ids")
        if examples.wmf is None:
            raise ValueError("examples: wanted the numbers of the factorization")
        self._wmf, n = examples.wmf, examples.n_training
        self._user_ids = examples.user_ids
        self._song_ids = examples.songs[SONG_ID].to_numpy(dtype=object)[:n]
        self._validation = confidence(examples.plays[n:], self._wmf.alpha, self._wmf.epsilon)
        self._length_of_factors = float(np.sqrt(examples.user_factors.shape[1]) * _rms(examples.user_factors))
        self.heads, self.margin = heads, margin
        width = dimensions * heads
        self.users: nn.Module = (
            UserTower(len(examples.user_factors), hidden, dimensions, heads)
            if users == "random"
            else FactorTower(examples.user_factors, width)
        )
        self.plays = SongPlays(_weights(examples.plays, n))
        self.register_buffer("output_mean", torch.zeros(width))
        self.register_buffer("output_scale", torch.ones(()))

    @property
    def n_outputs(self) -> int:
        """Dimensions of all heads."""
        return len(self.output_mean)

    def forward(self, outputs: Tensor, songs: Tensor) -> Tensor:
        """The loss of each song against the others, float32 `(n,)`.

        A play whose listener has played all songs of the batch has no negatives, and counts nothing.

        Parameters
        ----------
        outputs
            float32 `(n, heads * dimensions)`.
        songs
            Rows of the examples, int64 `(n,)`; one may stand there several times.
        """
        unit, too_long = self.directions(outputs)
        plays, owners = self.plays.of(songs)  # (n_plays,) each
        listeners, rows = torch.unique(self.plays.listeners[plays], return_inverse=True)
        negative = unplayed(rows, owners, len(songs)).to(outputs.dtype)  # (n_plays, n)
        hinges = outputs.new_zeros(len(rows))
        for scores in self.cosines(listeners, unit):  # (n_listeners, n) of a head
            theirs = scores[rows]  # (n_plays, n): cos(u, j)
            missing = theirs + (self.margin - theirs.gather(1, owners[:, None]))
            hinges = hinges + (missing.relu() * negative).sum(dim=1)
        # the mean over negatives and heads, as a share of the margin
        means = hinges / (negative.sum(dim=1).clamp(min=1) * self.heads * self.margin)  # (n_plays,)
        of_plays = self.plays.numbers[plays] * means
        return outputs.new_zeros(len(songs)).index_add(0, owners, of_plays) + too_long

    def directions(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs, (n, heads * dimensions), as vectors of length 1, (n, heads, dimensions).

        Beside them how far each song's are from that length, the mean of its heads' squares, (n,).
        """
        parts = outputs.unflatten(1, (self.heads, -1))  # type: ignore[no-untyped-call]
        lengths = torch.linalg.vector_norm(parts, dim=2, keepdim=True)  # (n, heads, 1)
        return parts / lengths.clamp(min=_SHORTEST), (lengths[:, :, 0] - 1).square().mean(dim=1)

    def cosines(self, listeners: Tensor, songs: Tensor) -> Tensor:
        """Of listeners, int64 (m,), with songs as `directions` has them, (n, heads, d): (heads, m, n)."""
        users = functional.normalize(self.users(listeners).unflatten(1, (self.heads, -1)), dim=2)
        return users.transpose(0, 1) @ songs.permute(1, 2, 0)  # (heads, m, d) by (heads, d, n)

    @torch.no_grad()
    def listeners(self) -> Vectors:
        """All listeners, float32 `(n_users, heads * dimensions)`, every head of length 1.

        The product with a song whose heads have length 1 is the sum of its cosines.
        """
        everybody = torch.arange(len(self._user_ids), device=self.output_mean.device)
        vectors = functional.normalize(self.users(everybody).unflatten(1, (self.heads, -1)), dim=2)
        return np.asarray(vectors.flatten(1).cpu())

    def save_space(self, folder: Path, hear: Hear) -> None:
        """Write listeners as learned, and where `hear` puts the songs that they were learned with.

        Listeners and songs who come later are row solves (eq. 3), which know of scores that are 1 for a play
        and 0 for none. So listeners are made as long as those of the factorization, and predictions are put
        where scores of the songs for early stopping are nearest to those where their listeners put them
        (`FactorScale`); neither changes a listener's order of songs that are predicted.
        """
        cosines = self.listeners()
        listeners = cosines * np.float32(self._length_of_factors / np.sqrt(self.heads))
        among = np.arange(len(self._song_ids), len(self._song_ids) + self._validation.shape[0])
        solved = solve_rows(self._validation, listeners, self._wmf.regularization).astype(np.float64)
        gram = listeners.astype(np.float64).T @ listeners / len(listeners)
        line = FactorScale(among, solved, gram).line(hear)
        songs = line.slope * hear(np.arange(len(self._song_ids))) + line.shift
        line.follow(self.output_mean, self.output_scale)
        LearnedListeners(
            Placed(self._user_ids, listeners), Placed(self._song_ids, songs.astype(np.float32)), self._wmf
        ).save(folder)


class UserTower(nn.Module):
    """A learned vector a listener, ReLU, and for every head two layers (ReLU between) of its own.

    Rows of listeners, int64 (n,), to float32 (n, heads * dimensions).
    """

    def __init__(self, n_users: int, hidden: int, dimensions: int, heads: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(n_users, hidden)
        nn.init.uniform_(self.vectors.weight, -0.05, 0.05)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, dimensions))
            for _ in range(heads)
        )

    def forward(self, listeners: Tensor) -> Tensor:
        """(n,) to (n, heads * dimensions)."""
        shared = torch.relu(self.vectors(listeners))
        return torch.cat([head(shared) for head in self.heads], dim=1)


class FactorTower(nn.Module):
    """One linear layer on the listeners' factors, all divided by one number.

    Rows of listeners, int64 (n,), to float32 (n, n_outputs).
    """

    factors: Tensor

    def __init__(self, user_factors: Vectors, n_outputs: int) -> None:
        super().__init__()
        scale = np.float32(_rms(user_factors) or 1.0)
        self.register_buffer("factors", torch.from_numpy(user_factors / scale), persistent=False)
        self.linear = nn.Linear(user_factors.shape[1], n_outputs)

    def forward(self, listeners: Tensor) -> Tensor:
        """(n,) to (n, n_outputs)."""
        vectors: Tensor = self.linear(self.factors[listeners])
        return vectors


def _rms(values: Vectors) -> float:
    return float(np.sqrt(np.square(values, dtype=np.float64).mean()))


def _weights(plays: csr_array, n_training: int) -> csr_array:
    """n_songs / n_plays for every play, (n, n_users): of the first songs, and of those behind.

    So that the mean over songs of sums over their plays is the mean over plays.
    """
    from scipy.sparse import csr_array

    weights = np.empty(plays.nnz, np.float32)
    end = int(plays.indptr[n_training])  # CSR: plays of the first songs come first
    weights[:end] = n_training / max(1, end)
    weights[end:] = (plays.shape[0] - n_training) / max(1, plays.nnz - end)
    return csr_array((weights, plays.indices, plays.indptr), shape=plays.shape)
