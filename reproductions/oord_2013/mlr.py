"""mlr: metric learning to rank on bags of words, songs like those a listener played.

McFee and Lanckriet 2010 learn the metric, McFee, Barrington and Lanckriet 2012 say from what, and
van den Oord et al. 2013 recommend with it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.known import Known, Vectors
from earshot.baselines.linear import one_scale
from earshot.errors import UserError
from oord_2013.mlr_constraints import Doubles, Queries, mean_auc, most_violated
from oord_2013.mlr_solver import learn_metrics

if TYPE_CHECKING:
    from scipy.sparse import csr_array


Ints = NDArray[np.intp]

_QUERIES_AT_ONCE = 256


def most_similar(plays: csr_array, queries: Ints, candidates: Ints, k: int) -> csr_array:
    """The `k` candidates that share most listeners with each query.

    The similarity of two songs is the Jaccard index of their listeners, those of both
    over those of either, as McFee, Barrington and Lanckriet 2012 measure it.

    Parameters
    ----------
    plays
        (n_users, n), play counts.
    queries, candidates
        Columns of `plays`, (n_queries,) and (n_candidates,). A query is not similar to itself.
    k
        Fewer where fewer share a listener; of equally similar ones the first.

    Returns
    -------
    bool (n_queries, n_candidates)
    """
    from scipy.sparse import csc_array, csr_array, vstack

    played = csc_array(plays.astype(bool).astype(np.float32))
    n_listeners, of_candidates = np.diff(played.indptr), played[:, candidates]  # CSC: entries of each column
    blocks = []
    for first in range(0, len(queries), _QUERIES_AT_ONCE):
        block = queries[first : first + _QUERIES_AT_ONCE]
        shared = (played[:, block].T @ of_candidates).toarray()  # (n_block, n_candidates)
        shared[block[:, None] == candidates] = 0  # no song is similar to itself
        # |A or B| = |A| + |B| - |A and B|
        either = n_listeners[block, None] + n_listeners[candidates] - shared
        blocks.append(csr_array(_largest(shared / np.maximum(either, 1), k)))
    return vstack(blocks, format="csr")


def _largest(similarity: NDArray[np.floating], k: int) -> NDArray[np.bool_]:
    """Whether a number is among the `k` largest of its row, and above 0."""
    chosen = np.zeros(similarity.shape, dtype=np.bool_)
    best = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    np.put_along_axis(chosen, best, values=True, axis=1)
    return chosen & (similarity > 0)


_RELEVANT = 10
_SLACK_WEIGHTS = (10.0, 100.0, 1000.0, 10000.0)
_DIMENSIONS = 256
_QUERIES = 1000
_CANDIDATES = 10_000


def mlr(known: Known, diagonal: bool = False) -> Vectors:
    """Metric learning to rank: the mean similarity of a song to those a listener played.

    The metric W ranks, for each song to learn from, the 10 songs first that share most
    listeners with it (`most_similar`). It is learned on the first 256 components of the bag of
    words, from 1,000 queries and 10,000 candidates drawn from larger catalogues; the
    weight of the slack is the one whose metric ranks best for the songs in `known.validation`.

    The similarity of songs x and y is -(x - y)' W (x - y). With W = L L', z = L' x, and m_u the
    mean of z over the songs that listener u played, its mean over these is 2 m_u . z - |z|^2, up to a
    number that is the same for all songs: the vectors are (2 m_u, -1) and (z, |z|^2). Who
    played none of the songs to learn from has m_u = 0, the mean of these songs.

    Parameters
    ----------
    diagonal
        W is diagonal: features are weighted, not turned.

    Returns
    -------
    float32 (n_users, r + 1) and (n, r + 1), in order of `known.songs`; r is the rank of W.

    Raises
    ------
    UserError
        No song for early stopping, or none that shares a listener with another.
    """
    features = one_scale(known.bags[:, :_DIMENSIONS], known.learn).astype(np.float64)
    training, validation = _queries(known, features)
    learned = learn_metrics(partial(most_violated, training), features.shape[1], _SLACK_WEIGHTS, diagonal)
    best = max(learned, key=lambda found: mean_auc(validation, found.metric))
    return _vectors(known, features @ _root(best.metric))


def _queries(known: Known, features: Doubles) -> tuple[Queries, Queries]:
    """Of songs that are ranked too, and of songs for validation."""
    draw = np.random.default_rng(known.seed)
    candidates = _some(np.flatnonzero(known.learn & ~known.validation), _CANDIDATES, draw)
    training = _some(candidates, _QUERIES, draw)
    validation = _some(np.flatnonzero(known.validation), _QUERIES, draw)
    return _ask(known, features, training, candidates), _ask(known, features, validation, candidates)


def _some(songs: Ints, n: int, draw: np.random.Generator) -> Ints:
    return np.sort(draw.choice(songs, min(n, len(songs)), replace=False))


def _ask(known: Known, features: Doubles, songs: Ints, candidates: Ints) -> Queries:
    """Those of `songs` that have something to rank."""
    relevant = most_similar(known.plays, songs, candidates, _RELEVANT)
    n_relevant, n_others = np.diff(relevant.indptr), len(candidates) - np.isin(songs, candidates)
    usable = (n_relevant > 0) & (n_relevant < n_others)
    if not usable.any():
        raise UserError(
            f"metric learning to rank: of {len(songs)} warm songs with audio none shares listeners with some "
            f"of {len(candidates)} others and not with all; more plays are wanted"
        )
    place = np.searchsorted(candidates, songs[usable])  # candidates ascend
    own = np.where(np.isin(songs[usable], candidates), place, -1)
    return Queries(features[songs[usable]], features[candidates], relevant[usable], own)


def _root(metric: Doubles) -> Doubles:
    """L of W = L L', (d, r)."""
    values, vectors = np.linalg.eigh(metric)
    kept = values > 1e-9 * max(values[-1], 0)  # eigh gives the largest last
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def _vectors(known: Known, songs: NDArray[np.floating]) -> Vectors:
    """From z of every song, (n, r)."""
    played = known.plays.astype(bool).astype(np.float32)
    n_played = np.maximum(np.diff(played.indptr), 1)[:, None]
    users = played @ songs.astype(np.float32) * (2 / n_played)  # 2 m_u, (n_users, r)
    lengths = (songs**2).sum(axis=1, keepdims=True)
    items = np.concatenate([songs, lengths], axis=1, dtype=np.float32)
    minus_one = np.full((len(users), 1), -1)
    return Vectors(np.concatenate([users, minus_one], axis=1, dtype=np.float32), items)
