"""metadata_genre: what the genres that a delivery names tell of a song."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.known import Array, Known
from earshot.baselines.linear import ridge
from earshot.columns import GENRES, genre_names

_GENRES = 500
"""The most frequent ones are distinguished."""


def metadata_genre(known: Known) -> Array:
    """Item factors predicted from the genres of a song, by ridge regression on 0 and 1.

    A song of several genres is 1 in each. One without a genre (see `has_genre`) gets
    the mean of all targets.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    genres = _multi_hot(known)
    named = np.asarray(genres.any(axis=1))
    predicted = np.tile(known.targets.mean(axis=0), (len(genres), 1))
    if named.any():
        # targets have rows for `learn` alone: named[known.learn] is `named` among these
        predicted[named] = ridge(genres[named], known.targets[named[known.learn]], known.learn[named])
    return predicted


def has_genre(known: Known) -> NDArray[np.bool_]:
    """(n,) bool: whether a song names a genre that a song to learn from names too."""
    return np.asarray(_multi_hot(known).any(axis=1))


def _multi_hot(known: Known) -> NDArray[np.float64]:
    """(n, n_genres): 1 where a song is of a genre; genres of the songs to learn from alone."""
    named = [genre_names(text) for text in known.songs[GENRES].fillna("")]
    count = Counter(name for song in np.flatnonzero(known.learn) for name in named[song])
    chosen = sorted(count, key=lambda name: (-count[name], name))[:_GENRES]
    columns = {name: column for column, name in enumerate(chosen)}
    hot = np.zeros((len(named), len(columns)))
    for song, names in enumerate(named):
        hot[song, [columns[name] for name in names if name in columns]] = 1
    return hot
