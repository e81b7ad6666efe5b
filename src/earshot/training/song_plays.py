"""Plays by song as tensors, for objectives that look at who has played what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class SongPlays(nn.Module):
    """A number for every play, a row a song.

    Parameters
    ----------
    numbers
        float32 (n_songs, n_users), stored where there are plays: for `error` confidences, eq. 2 of van
        den Oord et al. (2013).
    """

    starts: Tensor
    listeners: Tensor
    numbers: Tensor

    def __init__(self, numbers: csr_array) -> None:
        super().__init__()
        # CSR: plays of song i are starts[i]:starts[i + 1] of the two behind it; large, and not learned
        for name, values in {
            "starts": torch.from_numpy(numbers.indptr.astype(np.int64)),
            "listeners": torch.from_numpy(numbers.indices.astype(np.int64)),
            "numbers": torch.from_numpy(numbers.data),
        }.items():
            self.register_buffer(name, values, persistent=False)

    def error(self, users: Tensor, gram: Tensor, vectors: Tensor, songs: Tensor) -> Tensor:
        """Sum over all users of c (p - x . y)^2 (eq. 5) of each song.

        Others than listeners have p = 0 and c = 1; with s = x . y and X all users it is

            y' X'X y + sum over the listeners of c (1 - s)^2 - s^2

        which costs what the listeners cost.

        Parameters
        ----------
        users, gram
            X, float32 (n_users, d), and X'X.
        vectors
            y of the songs, float32 (n, d).
        songs
            Their rows, int64 (n,).

        Returns
        -------
        float32 (n,)
        """
        over_all_users = ((vectors @ gram) * vectors).sum(dim=1)  # y' X'X y, (n,)
        plays, owners = self.of(songs)  # (n_plays,) each
        theirs = users.index_select(0, self.listeners[plays])  # (n_plays, d)
        scores = (theirs * vectors.index_select(0, owners)).sum(dim=1)  # s = x . y of each play
        extra = self.numbers[plays] * (1 - scores).square() - scores.square()  # (n_plays,)
        return over_all_users.index_add(0, owners, extra)  # added up by song

    def of(self, songs: Tensor) -> tuple[Tensor, Tensor]:
        """Places in `listeners` and `numbers` of all plays of the songs, and to which of them each belongs.

        Songs are rows, int64 `(n,)`; plays and owners, places in `songs`, int64 `(n_plays,)`.
        """
        counts = self.starts[songs + 1] - self.starts[songs]  # CSR: plays of each song
        owners = torch.repeat_interleave(counts)  # 0, 0, 0, 1, 1, ...: a place in `songs` for each play
        # where the plays of a song begin in `listeners`, less where they begin in the result
        firsts = self.starts[songs] - (counts.cumsum(0) - counts)
        return firsts[owners] + torch.arange(len(owners), device=songs.device), owners


def unplayed(listeners: Tensor, owners: Tensor, n_songs: int) -> Tensor:
    """float32 `(n_plays, n_songs)`: 0 where the listener of a play has played a song of the batch, else 1.

    `listeners` and `owners`, the song of each play, are int64 `(n_plays,)`.
    """
    distinct, rows = torch.unique(listeners, return_inverse=True)
    table = torch.ones(len(distinct), n_songs, device=listeners.device)
    table[rows, owners] = 0
    return table[rows]
