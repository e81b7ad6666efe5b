"""Songs that are alike in the taste space, and hubs: songs that are near very many others.

In spaces of many dimensions some songs always are hubs (Radovanović, Nanopoulos and Ivanović 2010). Both
measures of it look from a sample of the songs, so they cost the same for each song of any catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.recommend.ranking import BLOCK_SCORES, best_of_rows

Vectors = NDArray[np.floating[Any]]


def similar_songs(
    item_vectors: Vectors, vector: Vectors, k: int, crowding: Vectors | None = None
) -> tuple[NDArray[np.int64], Vectors]:
    """The k songs whose vectors point most nearly where `vector` does.

    Parameters
    ----------
    item_vectors
        (n_items, d).
    vector
        (d,); one of `item_vectors`, or a song that is not among them.
    k
        Length of the list; where `vector` is one of them, it comes first.
    crowding
        (n_items,), of `earshot.recommend.similar`: songs that are near to everything come later
        for it (CSLS). None: by cosine alone.

    Returns
    -------
    rows, (k,), and their cosines, (k,), largest first, ties by row. A vector of
    zeros points nowhere: its cosine is 0.

    Example
    -------
    >>> rows, cosines = similar_songs(np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]]), np.array([1.0, 0.0]), 2)
    >>> rows, cosines
    (array([0, 2]), array([1. , 0.6], dtype=float32))
    """
    cosines = unit(item_vectors) @ unit(vector)
    nearness = cosines if crowding is None else 2 * cosines - crowding  # CSLS but for a constant
    best = best_of_rows(nearness[None].astype(np.float32), k)  # (1, n_items)
    return best.items, cosines[best.items].astype(np.float32)


def unit(vectors: Vectors) -> NDArray[np.float64]:
    """`vectors`, `(..., d)`, with a length of 1, in float64; those of zeros stay."""
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


K = 10
"""Neighbours of a song that are counted."""
_SAMPLE = 1000


def occurrences(item_vectors: Vectors, k: int = K) -> tuple[NDArray[np.int64], int]:
    """How often each song is among the k nearest of others, by cosine.

    Returns
    -------
    counts, (n_items,), and of how many songs the neighbours were taken: all, or 1,000 spread evenly.

    Example
    -------
    >>> occurrences(np.array([[0.0, 1.0], [0.6, 0.8], [1.0, 0.0]]), k=1)
    (array([1, 2, 0]), 3)
    """
    vectors = unit(item_vectors)
    counts = np.zeros(len(vectors), np.int64)
    for rows, cosines in _blocks(vectors):
        cosines[np.arange(len(rows)), rows] = -np.inf  # itself
        counts += np.bincount(best_of_rows(cosines, k).items, minlength=len(vectors))
    return counts, len(_sample(len(vectors)))


def describe_hubs(counts: NDArray[np.int64], n_listeners: NDArray[np.integer[Any]]) -> dict[str, float]:
    """How unevenly `occurrences` fall on songs of `n_listeners`, (n_items,).

    Returns
    -------
    skewness of the counts (0 where all songs are neighbours alike often; the measure of Radovanović et
    al.), the share of places that the largest hub takes, the share of songs that are nobody's neighbour,
    and of songs with a single listener their share of the songs and of the places.
    """
    apart, places = counts - counts.mean(), max(1, counts.sum())
    deviation, one = max(apart.std(), 1e-12), n_listeners == 1
    return {
        "skewness": float((apart**3).mean() / deviation**3),
        "largest_share_of_places": float(counts.max() / places),
        "share_of_songs_near_none": float((counts == 0).mean()),
        "one_listener_share_of_songs": float(one.mean()),
        "one_listener_share_of_places": float(counts[one].sum() / places),
    }


def crowding(item_vectors: Vectors, k: int = K) -> Vectors:
    """How near each song is to its k nearest of the sample, a mean of cosines, float64 (n_items,).

    2 * cosine - crowding is CSLS (Conneau et al. 2018, section 2.2) but for what is the same for all.
    On the embedded catalogue as served it takes the skewness of the counts from 0.74 to 0.56, and the
    share of the 10 nearest by other artists that are of the same genre from 0.798 to 0.780.
    """
    vectors, k = unit(item_vectors), min(k, max(1, len(item_vectors) - 1))
    nearest = np.full((k, len(vectors)), -np.inf)  # the k largest cosines so far of every song
    for rows, cosines in _blocks(vectors):
        cosines[np.arange(len(rows)), rows] = -np.inf
        nearest = -np.sort(-np.concatenate([nearest, cosines]), axis=0)[:k]  # largest first
    found = np.isfinite(nearest)
    # of as many as there are, where the sample has fewer than k others
    mean: Vectors = np.where(found, nearest, 0).sum(axis=0) / np.maximum(found.sum(axis=0), 1)
    return mean


def _sample(n: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.int64))


def _blocks(vectors: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Rows of the sample, some at a time, and their cosines with all, (n_rows, n_items)."""
    sample, at_once = _sample(len(vectors)), max(1, BLOCK_SCORES // max(1, len(vectors)))
    for first in range(0, len(sample), at_once):
        rows = sample[first : first + at_once]
        yield rows, (vectors[rows] @ vectors.T).astype(np.float32)
