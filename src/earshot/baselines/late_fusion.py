"""genre_and_audio: two systems added up, each listener's scores standardized first.

Where a listener a gives candidate i the score a.x_i, the z-score over n candidates is

    z_i = (a.x_i - mean_j a.x_j) / deviation_j(a.x_j) = (a / s).(x_i - x_mean),    s = |R a| / sqrt(n)

with Q R the QR decomposition of the centred item vectors, since sum_j (a.(x_j - x_mean))^2 =
|Q R a|^2. So the deviation is a matter of the listener's vector and the mean one of the
item vectors, and no score is ever computed. A part that counts for some candidates alone takes mean and
deviation over those; its item vectors are 0 elsewhere, where it says nothing. The sum of two
parts is two vectors end to end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.known import Vectors

Floats = NDArray[np.floating]
Pair = tuple[Floats, Floats]

_NO_DEVIATION = 1e-10
"""Relative to the lengths of the vectors: below it all scores are the same but for rounding."""


def late_fusion(genre: Pair, audio: Pair, has_genre: NDArray[np.bool_]) -> Vectors:
    """The sum of two systems' z-scores over the candidates, the first one's 0 where a song has no genre.

    Mean and deviation of a listener's genre scores are those over the candidates that have
    a genre: 0 says no more than "as their average". A listener whose scores are all the same
    gets 0 from that system.

    Parameters
    ----------
    genre, audio
        User vectors (n_users, d) and item vectors (n_candidates, d) of each system.
    has_genre
        (n_candidates,)

    Returns
    -------
    float64 (n_users, d_genre + d_audio), (n_candidates, d_genre + d_audio)
    """
    parts = (_standardized(*genre, has_genre), _standardized(*audio, np.ones_like(has_genre)))
    return Vectors(*(np.concatenate(side, axis=1) for side in zip(*parts, strict=True)))


def _standardized(users: Floats, items: Floats, counted: NDArray[np.bool_]) -> Pair:
    """Vectors whose products are z-scores over the `counted` items, and 0 for the others."""
    n = max(int(counted.sum()), 1)
    items = items.astype(np.float64) * counted[:, None]
    centred = (items - items.sum(axis=0) / n) * counted[:, None]  # (n_candidates, d)
    # |R a| of each listener, (n_users,)
    deviations = np.linalg.norm(users @ np.linalg.qr(centred).R.T, axis=1)
    lengths = np.linalg.norm(users, axis=1) * np.linalg.norm(items)
    scales = np.zeros_like(deviations)
    np.divide(np.sqrt(n), deviations, out=scales, where=deviations > _NO_DEVIATION * lengths)
    return users * scales[:, None], centred  # a / s, x - x_mean
