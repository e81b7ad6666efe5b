"""A factorization machine (Rendle 2010): listener one-hot beside the features of a song.

    score = w_0 + sum w_j z_j + sum_{j < k} <v_j, v_k> z_j z_k,    z = (one-hot of u, e)

The sum over pairs falls into the listener with each feature, u'V'e, and features among themselves, which is
`pairwise`. What a listener's songs have in common (w_0 and w_u) changes no ranking, but the loss.
myfm, a library for this, is not used: its release for Python 3.11 imports pkg_resources, which setuptools no
longer has.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch.nn import functional

from hyper_image.params import MachineSettings

Array = NDArray[np.float32]


def pairwise(features: Tensor, factors: Tensor) -> Tensor:
    """sum_{j < k} <v_j, v_k> z_j z_k = 1/2 sum_f ((sum_j z_j v_jf)^2 - sum_j z_j^2 v_jf^2).

    Rendle 2010, Lemma 3.1.

    Parameters
    ----------
    features
        z, float (n, d).
    factors
        v, float (d, factors).

    Returns
    -------
    float (n,)
    """
    together = (features @ factors).square().sum(dim=1)
    alone = (features.square() @ factors.square()).sum(dim=1)
    return (together - alone) / 2


class FactorizationMachine(nn.Module):
    """Logits of all pairs of listeners and songs."""

    def __init__(self, n_users: int, n_features: int, factors: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))
        self.user_bias = nn.Parameter(torch.zeros(n_users))
        self.slope = nn.Parameter(torch.zeros(n_features))
        self.users = nn.Parameter(0.1 * torch.randn(n_users, factors))
        self.factors = nn.Parameter(0.1 * torch.randn(n_features, factors))

    def forward(self, features: Tensor) -> Tensor:
        """Of songs (n, d), every listener's logits, float32 (n, n_users)."""
        of_songs = features @ self.slope + pairwise(features, self.factors)
        taste = features @ self.factors @ self.users.T
        return self.bias + self.user_bias + of_songs[:, None] + taste

    @torch.no_grad()
    def vectors(self, features: Tensor) -> tuple[Array, Array]:
        """The same scores, less what a listener's songs have in common, as products.

        float32 (n_users, factors + 1) and (n_songs, factors + 1).
        """
        of_songs = features @ self.slope + pairwise(features, self.factors)
        users = torch.cat([self.users, torch.ones(len(self.users), 1)], dim=1)
        items = torch.cat([features @ self.factors, of_songs[:, None]], dim=1)
        return users.numpy(), items.numpy()


def fit_machine(
    plays: csr_array,
    features: Array,
    learn: NDArray[np.intp],
    stop: NDArray[np.intp],
    settings: MachineSettings,
    seed: int,
) -> tuple[Array, Array]:
    """Vectors of listeners and of all songs, of the epoch that tells the plays of songs in `stop` best.

    The loss is the logistic one over all pairs of a listener and a song in `learn`, those that were played
    counted `settings.played_weight` times.

    Parameters
    ----------
    plays
        (n_users, n_songs), stored where a listener has played a song.
    features
        float32 (n_songs, d).
    learn, stop
        Columns of the songs that are learned from, and that tell when to stop.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    by_song, z = csr_array(plays.T), torch.from_numpy(features)
    model = FactorizationMachine(plays.shape[0], features.shape[1], settings.factors)
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    weight = torch.tensor(settings.played_weight)

    def told(songs: NDArray[np.intp]) -> Tensor:
        played = _played(by_song, songs)
        return functional.binary_cross_entropy_with_logits(model(z[songs]), played, pos_weight=weight)

    best, least = model.vectors(z), float("inf")
    for _ in range(settings.epochs):
        for songs in np.array_split(rng.permutation(learn), max(len(learn) // settings.batch_size, 1)):
            loss = told(songs)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            error = float(told(stop))
        if error < least:
            best, least = model.vectors(z), error
    return best


def _played(by_song: csr_array, songs: NDArray[np.intp]) -> Tensor:
    """1 where a listener has played a song, else 0: float32 (n, n_users)."""
    return torch.from_numpy((by_song[songs].toarray() > 0).astype(np.float32))
