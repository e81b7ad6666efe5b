"""A song's place is that of its artist's other songs: what is known without listening."""

from __future__ import annotations

import numpy as np

from earshot.baselines.known import Array, Known
from earshot.columns import ARTIST_ID


def artist_mean(known: Known) -> Array:
    """The mean of the item factors of the artist's songs in `known.learn`, the song itself left out.

    The mean of all songs in `known.learn` where the artist has no other one, or is not named.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.

    Example
    -------
    With factors 1, 3 and 8 of two songs by one artist and one by another, all of them to learn from, the
    places are 3, 1 and 4; a song to be placed is at 2 by the first artist, at 8 by the second, else at 4.
    """
    names = known.songs[ARTIST_ID].fillna("").to_numpy(dtype=object)
    unique, artists = np.unique(names, return_inverse=True)
    factors = np.zeros((len(names), known.targets.shape[1]))
    factors[known.learn] = known.targets
    # (n_artists, d) sums and (n_artists,) counts of the songs to learn from
    sums = np.zeros((len(unique), factors.shape[1]))
    np.add.at(sums, artists, factors)  # songs that are not learned from add zeros
    counts = np.bincount(artists, known.learn, len(unique))
    # a song that is learned from does not tell of itself
    others = counts[artists] - known.learn
    left = (sums[artists] - factors) / np.maximum(others, 1)[:, None]
    told = (others > 0) & (names != "")
    return np.where(told[:, None], left, known.targets.mean(axis=0)).astype(np.float32)
