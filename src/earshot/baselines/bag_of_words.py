"""Songs as counts of audio words (van den Oord et al. 2013, section 4.1; McFee et al. 2012)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import N_FRAMES

if TYPE_CHECKING:
    from earshot.audio.store import HyperImageStore

Array = NDArray[np.float32]

_FAMILIES = ("mfcc", "mfcc_delta", "mfcc_delta2")
_WORDS = 500
_FRAMES_TO_LEARN_FROM = 100_000
_VARIANCE_KEPT = 0.95


def bag_of_words(
    store: HyperImageStore, positions: Sequence[int], learn: NDArray[np.bool_], seed: int
) -> Array:
    """How often each word of a learned dictionary sounds in a song, reduced by PCA.

    Frames of MFCC with first and second differences, each row standardized, are
    assigned to the nearest of 500 K-means centres; the shares of the centres in
    a song are projected on the components that hold 95 % of their variance,
    without whitening.

    Parameters
    ----------
    store
        Hyper-images.
    positions
        Lines of `store.songs`, (n,).
    learn
        (n,) bool: the songs that dictionary, scale and components are learned from.
    seed
        Of the frames drawn and of K-means.

    Returns
    -------
    float32 (n, components)
    """
    from sklearn.decomposition import PCA

    chosen = np.asarray(positions)[learn]
    frames = _some_frames(store, chosen, seed)
    mean, scale = frames.mean(axis=0), frames.std(axis=0)
    scale[scale == 0] = 1
    words = _dictionary((frames - mean) / scale, seed)
    shares = np.stack([_shares((song - mean) / scale, words) for song in _songs(store, positions)])
    components = PCA(_VARIANCE_KEPT, svd_solver="full").fit(shares[learn])
    return np.asarray(components.transform(shares), dtype=np.float32)


def _songs(store: HyperImageStore, positions: Sequence[int] | NDArray[Any]) -> Iterator[Array]:
    """The MFCC frames of each song, float32 (n_frames, 39)."""
    rows = store.row_slice(_FAMILIES)
    lengths = store.songs[N_FRAMES].to_numpy()
    for position in positions:
        frames = store.windows([int(position)], [0], int(lengths[position]))[0]
        yield frames[:, rows].astype(np.float32)


def _some_frames(store: HyperImageStore, positions: NDArray[Any], seed: int) -> Array:
    """As many frames of every song, drawn at random."""
    draw = np.random.default_rng(seed)
    each = max(1, _FRAMES_TO_LEARN_FROM // len(positions))
    drawn = [song[draw.permutation(len(song))[:each]] for song in _songs(store, positions)]
    return np.concatenate(drawn)


def _dictionary(frames: Array, seed: int) -> Array:
    from sklearn.cluster import MiniBatchKMeans

    n_words = min(_WORDS, len(frames))
    learner = MiniBatchKMeans(n_words, batch_size=4096, n_init=3, random_state=seed)
    return np.asarray(learner.fit(frames).cluster_centers_, dtype=np.float32)


def _shares(frames: Array, words: Array) -> Array:
    """The share of each word among the frames of a song, (n_words,)."""
    distances = (words**2).sum(axis=1) - 2 * frames @ words.T
    counts = np.bincount(distances.argmin(axis=1), minlength=len(words))
    return (counts / len(frames)).astype(np.float32)
