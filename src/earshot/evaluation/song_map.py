"""Where songs lie on a map in two dimensions: near where they sound alike to the encoder."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.split import chosen

_ENOUGH_FOR_TSNE = 50
_MARGIN = 3.0


def lay_out(vectors: NDArray[np.floating], seed: int) -> NDArray[np.float64]:
    """`(n, 2)` positions in per cent of the map, of `(n, d)` vectors by their directions.

    t-SNE (van der Maaten and Hinton, 2008) from the principal components, on one
    thread so that the same vectors always give the same map; the principal
    components alone where songs are few.
    """
    return in_per_cent(embed(directions(vectors), seed))


def directions(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """`(n, d)` vectors with a length of 1; those of no length stay so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float64)


def embed(directions: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """`(n, 2)` positions as t-SNE gives them: in units of the width of its kernel, 1 / (1 + distance**2)."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        flat = _principal_plane(directions)
        if len(directions) >= _ENOUGH_FOR_TSNE and flat.std() > 0:
            start = flat / flat[:, 0].std() * 1e-4  # as sklearn scales its own `init='pca'`
            flat = TSNE(init=start, perplexity=30, random_state=seed, n_jobs=1).fit_transform(directions)
    return np.asarray(flat, dtype=np.float64)


def in_per_cent(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n, 2)` positions, moved and stretched so that they fill the map up to its margin."""
    low, high = flat.min(axis=0), flat.max(axis=0)
    spread = np.where(high > low, high - low, 1)
    return np.asarray(_MARGIN + (100 - 2 * _MARGIN) * (flat - low) / spread, dtype=np.float64)


def _principal_plane(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two principal components, `(n, 2)`, each with its largest entry positive."""
    centred = directions - directions.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(directions), 2))
    found = left[:, :2] * singular[:2]  # U S: coordinates on the components
    plane[:, : found.shape[1]] = found
    signs = np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])  # an SVD leaves signs open
    return np.asarray(plane * np.where(signs == 0, 1, signs), dtype=np.float64)


def songs_to_draw(song_ids: Iterable[str], always: Iterable[str], most: int) -> list[str]:
    """`most` songs of `song_ids` by hash, and those of `always`; sorted."""
    return sorted({*chosen(song_ids, most, "map"), *always})
