"""What lists are made of, whether or not anybody plays it: coverage, concentration, new songs, diversity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation.list_quality import Lists
from earshot.evaluation.metrics import Floats

_SMOOTHING = 0.01
"""Share of the listener's own genres that is mixed into those of the list: none of these is then 0."""


def make_up(
    lists: Lists,
    vectors: NDArray[np.floating],
    listeners: NDArray[np.integer],
    new: NDArray[np.bool_],
    k: int,
) -> dict[str, float]:
    """Of the first k songs of every list.

    Parameters
    ----------
    vectors
        (n_songs, d): where songs are placed.
    listeners
        (n_songs,): how many each song has.
    new
        (n_songs,): songs that nobody has played.

    Returns
    -------
    coverage
        Share of the songs that stand in some list.
    gini
        Of how often each song stands in a list: 0 all equally often, 1 one song in all.
    popularity
        Mean share of the songs that have fewer listeners than a listed one; equals count half.
    new_songs
        Share of the entries that are new songs.
    diversity
        Mean over lists of 1 - the cosine of two of their songs.
    """
    first = lists[:, :k]
    entries = first[first >= 0]
    times = np.sort(np.bincount(entries, minlength=len(new)))
    n = len(times)
    return {
        "coverage": float((times > 0).mean()),
        # with x_1 <= ... <= x_n: sum (2 i - n - 1) x_i / (n sum x)
        "gini": float(((2 * np.arange(1, n + 1) - n - 1) @ times) / (n * max(1, times.sum()))),
        "popularity": float(_percentiles(listeners)[entries].mean()) if len(entries) else float("nan"),
        "new_songs": float(new[entries].mean()) if len(entries) else float("nan"),
        "diversity": _diversity(first, vectors),
    }


def miscalibration(lists: Lists, history: Floats, genres: Floats, k: int) -> float:
    """How far the genres of the first k songs are from what the listener has played (Steck 2018, eq. 6).

    The mean over listeners of sum_g p(g) log2(p(g) / q(g)), p the genres of their plays, q those of their
    list; 0: the same. Listeners without a play or a listed song of a genre are left out.

    Parameters
    ----------
    history
        (n_users, n_genres): plays by genre.
    genres
        (n_songs, n_genres): the share of every genre in a song; zeros where it names none.
    """
    first = lists[:, :k]
    # (n_users, n_genres)
    listed = np.stack([genres[songs[songs >= 0]].sum(axis=0) for songs in first])
    asked = (history.sum(axis=1) > 0) & (listed.sum(axis=1) > 0)
    if not asked.any():
        return float("nan")
    p = history[asked] / history[asked].sum(axis=1, keepdims=True)
    q = listed[asked] / listed[asked].sum(axis=1, keepdims=True)
    mixed = (1 - _SMOOTHING) * q + _SMOOTHING * p
    # where p is 0 the term is 0
    terms = np.where(p > 0, p * np.log2(np.where(p > 0, p, 1) / np.where(mixed > 0, mixed, 1)), 0.0)
    return float(terms.sum(axis=1).mean())


def _percentiles(listeners: NDArray[np.integer]) -> NDArray[np.float64]:
    ordered = np.sort(listeners)
    below, not_above = (np.searchsorted(ordered, listeners, side) for side in ("left", "right"))
    return np.asarray((below + not_above) / (2 * len(listeners)))


def _diversity(first: Lists, vectors: NDArray[np.floating]) -> float:
    lengths = np.linalg.norm(vectors, axis=1)
    units = vectors / np.where(lengths > 0, lengths, 1)[:, None]
    spread = []
    for songs in first:
        own = units[songs[songs >= 0]]
        if len(own) > 1:
            # sum over pairs of the cosine = (|sum of units|^2 - n) / 2
            together = float(np.square(own.sum(axis=0)).sum())
            spread.append(1 - (together - len(own)) / (len(own) * (len(own) - 1)))
    return float(np.mean(spread)) if spread else float("nan")
