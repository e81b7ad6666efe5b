"""Songs as counts of audio words (van den Oord et al. 2013, section 4.1; McFee et al. 2012)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from earshot.store.reader import HyperImageStore

Array = NDArray[np.float32]
Positions = Sequence[int] | NDArray[np.integer[Any]]

_FAMILIES = ("mfcc", "mfcc_delta", "mfcc_delta2")
_FRAMES_A_WORD = 200
_VARIANCE_KEPT = 0.95
_SONGS_AT_ONCE = 20_000
"""That stand in memory with a number for every word; components are learned from no more."""


def bag_of_words(
    store: HyperImageStore, positions: Positions, learn: NDArray[np.bool_], seed: int, n_words: int
) -> Array:
    """How often each word of a learned dictionary sounds in a song, reduced by PCA.

    Frames of MFCC with first and second differences, each row standardized, are
    assigned to the nearest of `n_words` K-means centres; the shares of the centres
    in a song are projected on the components that hold 95 % of their variance,
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
    n_words
        Fewer are learned where there are fewer frames.

    Returns
    -------
    float32 (n, components)
    """
    from sklearn.decomposition import PCA

    # (about n_words * _FRAMES_A_WORD, 39)
    frames = _some_frames(store, np.asarray(positions)[learn], n_words * _FRAMES_A_WORD, seed)
    mean, scale = frames.mean(axis=0), frames.std(axis=0)
    scale[scale == 0] = 1
    words = _dictionary((frames - mean) / scale, n_words, seed)
    shares = _all_shares(store, positions, mean, scale, words)
    learned = shares[_some_songs(learn, seed)].toarray()  # (n_learned, n_words)
    components = PCA(_VARIANCE_KEPT, svd_solver="full").fit(learned)
    blocks = range(0, len(positions), _SONGS_AT_ONCE)
    reduced = [components.transform(shares[first : first + _SONGS_AT_ONCE].toarray()) for first in blocks]
    return np.concatenate(reduced).astype(np.float32)


def _songs(store: HyperImageStore, positions: Positions) -> Iterator[Array]:
    """The MFCC frames of each song, float32 (n_frames, 39)."""
    rows = store.row_slice(_FAMILIES)
    for position in positions:
        yield store.frames(int(position))[:, rows].astype(np.float32)


def _some_frames(store: HyperImageStore, positions: Positions, n_frames: int, seed: int) -> Array:
    """As many frames of every song, drawn at random: about `n_frames`, and at least one a song."""
    draw = np.random.default_rng(seed)
    each = max(1, n_frames // len(positions))
    drawn = [song[draw.permutation(len(song))[:each]] for song in _songs(store, positions)]
    return np.concatenate(drawn)


def _some_songs(learn: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    songs = np.flatnonzero(learn)
    if len(songs) <= _SONGS_AT_ONCE:
        return songs
    return np.sort(np.random.default_rng(seed).choice(songs, _SONGS_AT_ONCE, replace=False))


def _dictionary(frames: Array, n_words: int, seed: int) -> Array:
    from sklearn.cluster import MiniBatchKMeans

    n_words = min(n_words, len(frames))
    learner = MiniBatchKMeans(n_words, batch_size=4096, n_init=3, random_state=seed)
    return np.asarray(learner.fit(frames).cluster_centers_, dtype=np.float32)


def _all_shares(
    store: HyperImageStore, positions: Positions, mean: Array, scale: Array, words: Array
) -> csr_array:
    """The shares of all words in every song, float32 (n, n_words); few words sound in one song."""
    from scipy.sparse import csr_array, vstack

    from earshot.processes import progress

    songs = progress(_songs(store, positions), description="bag of words", unit="song", total=len(positions))
    return vstack([csr_array(_shares((song - mean) / scale, words)[None]) for song in songs], format="csr")


def _shares(frames: Array, words: Array) -> Array:
    """The share of each word among the frames of a song, (n_words,)."""
    # |f - w|^2 without |f|^2, which decides nothing, (n_frames, n_words)
    distances = (words**2).sum(axis=1) - 2 * frames @ words.T
    counts = np.bincount(distances.argmin(axis=1), minlength=len(words))
    return (counts / len(frames)).astype(np.float32)
