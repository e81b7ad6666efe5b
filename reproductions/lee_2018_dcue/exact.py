"""Negatives as in the paper: for every play, songs drawn out of all that its listener has never played.

The songs of a batch of plays, positives and negatives, are heard once each, whatever they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from earshot.training.objectives.content_user import ContentUser

Ints = NDArray[np.int64]


class PlaysWithNegatives(NamedTuple):
    """Some plays with their negatives.

    Attributes
    ----------
    songs
        (n,), the songs of the batch, each once.
    listeners
        (n_plays,)
    positives
        (n_plays,), places in `songs`.
    negatives
        (n_plays, n_negatives), likewise.
    """

    songs: Ints
    listeners: Ints
    positives: Ints
    negatives: Ints


def draw_pairs(plays: csr_array, n_pairs: int, n_negatives: int, seed: int) -> Iterator[PlaysWithNegatives]:
    """Batches without end: all plays in a random order, then all in another.

    Negatives are drawn uniformly, each anew, out of the songs that the listener has not played. Who has
    played all songs has none, and does not count.

    Parameters
    ----------
    plays
        (n_songs, n_users), the songs to learn from.
    """
    entries = plays.tocoo()
    songs, users = entries.coords[0].astype(np.int64), entries.coords[1].astype(np.int64)
    n_songs = plays.shape[0]
    has_others = np.bincount(users, minlength=plays.shape[1]) < n_songs
    songs, users = songs[has_others[users]], users[has_others[users]]
    played = np.sort(users * n_songs + songs)  # a number for every pair that was played
    epoch = 0
    while len(songs):
        draw = np.random.default_rng([seed, epoch])
        order = draw.permutation(len(songs))
        for first in range(0, len(order), n_pairs):
            some = order[first : first + n_pairs]
            negatives = _never_played(users[some], n_negatives, played, n_songs, draw)
            together, places = np.unique(np.column_stack([songs[some], negatives]), return_inverse=True)
            places = places.reshape(len(some), 1 + n_negatives)
            yield PlaysWithNegatives(together, users[some], places[:, 0], places[:, 1:])
        epoch += 1


def _never_played(users: Ints, n: int, played: Ints, n_songs: int, draw: np.random.Generator) -> Ints:
    """(n_users, n) songs, uniformly; what turns out to be played is drawn again."""
    songs = draw.integers(n_songs, size=(len(users), n))
    while True:
        pairs = users[:, None] * n_songs + songs
        wrong = played[np.searchsorted(played, pairs).clip(max=len(played) - 1)] == pairs
        if not wrong.any():
            return songs
        songs[wrong] = draw.integers(n_songs, size=int(wrong.sum()))


def exact_loss(objective: ContentUser, outputs: Tensor, pairs: PlaysWithNegatives) -> Tensor:
    """As of `ContentUser`, a scalar: the mean over plays, negatives and heads, as a share of the margin.

    `outputs` are those of `pairs.songs`, (n, heads * dimensions).
    """
    unit, too_long = objective.directions(outputs)
    listeners, rows = torch.unique(torch.from_numpy(pairs.listeners), return_inverse=True)
    positives, negatives = torch.from_numpy(pairs.positives), torch.from_numpy(pairs.negatives)
    hinges = [
        (objective.margin - scores[rows, positives][:, None] + scores[rows[:, None], negatives]).relu().mean()
        for scores in objective.cosines(listeners, unit)  # (n_listeners, n) of a head
    ]
    return torch.stack(hinges).mean() / objective.margin + too_long.mean()
