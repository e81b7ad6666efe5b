"""Songs that are alike in the taste space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.recommend.ranking import best_of_rows

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
        (n_items,), of `earshot.recommend.hubs`: songs that are near to everything come later
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
    nearness = cosines if crowding is None else 2 * cosines - crowding
    best = best_of_rows(nearness[None].astype(np.float32), k)
    return best.items, cosines[best.items].astype(np.float32)


def unit(vectors: Vectors) -> NDArray[np.float64]:
    """`vectors` (..., d) with a length of 1; those of zeros stay."""
    vectors = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
