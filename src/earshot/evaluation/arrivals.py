"""In which order the listeners of a song come.

The first listeners of a new song are not drawn at random: they are those whom a list shows it to, and those
who hear most of what there is. Where plays have dates, the true order is known, and nothing need be guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.catalogue.play_dates import UNDATED
from earshot.spaces.placing import Vectors

Draw = Literal["dated", "random", "recommended_first", "heavy_first"]
DATED: Draw = "dated"
RANDOM: Draw = "random"
RECOMMENDED_FIRST: Draw = "recommended_first"
HEAVY_FIRST: Draw = "heavy_first"

LEAST_DATED = 0.5
"""Share of the plays that must have a date, for the dates to say who came first."""

_USERS_AT_ONCE = 256


def arrivals(
    plays: csr_array,
    first_played: csr_array | None,
    n_songs_played: NDArray[np.integer],
    predicted: Vectors,
    users: Vectors,
) -> Mapping[Draw, csr_array]:
    """What each kind of draw but the random one goes by.

    Parameters
    ----------
    plays
        (n_songs, n_users): play counts.
    first_played
        int64, stored where `plays` is: unix seconds, `UNDATED` where no delivery says; None: nowhere.
    n_songs_played
        (n_users,).
    predicted, users
        (n_songs, d), (n_users, d), whose products are the scores of songs that nobody has played.

    Returns
    -------
    By draw float64, stored where `plays` is: those with lower values come first. `DATED` alone where at
    least `LEAST_DATED` of the plays have a date, those without coming last; else `RECOMMENDED_FIRST`, by
    where the song stands in the list of that listener, and `HEAVY_FIRST`.
    """
    if first_played is not None:
        dated = first_played.data != UNDATED
        if dated.mean() >= LEAST_DATED:
            return {DATED: _stored(plays, np.where(dated, first_played.data, np.inf))}
    places = places_in_lists(plays, predicted, users)
    # indices are columns: the listener of each entry
    return {
        RECOMMENDED_FIRST: _stored(plays, places),
        HEAVY_FIRST: _stored(plays, -n_songs_played[plays.indices]),
    }


def places_in_lists(plays: csr_array, predicted: Vectors, users: Vectors) -> NDArray[np.int64]:
    """(n_entries,) of `plays`: the place of the song in the list of that listener, 0 at its top."""
    songs = np.repeat(np.arange(plays.shape[0]), np.diff(plays.indptr))  # the row of each entry
    by_user = np.argsort(plays.indices, kind="stable")
    # entries of user u are by_user[starts[u]:starts[u + 1]]
    starts = np.concatenate([[0], np.cumsum(np.bincount(plays.indices, minlength=plays.shape[1]))])
    found = np.empty(plays.nnz, dtype=np.int64)
    for first in range(0, len(users), _USERS_AT_ONCE):
        block = users[first : first + _USERS_AT_ONCE]
        entries = by_user[starts[first] : starts[first + len(block)]]
        # argsort twice: (n_block, n_songs), the place of each song in each list
        places = (-(block @ predicted.T)).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        found[entries] = places[plays.indices[entries] - first, songs[entries]]
    return found


def _stored(like: csr_array, values: NDArray[np.generic]) -> csr_array:
    """`values` where `like` stores its own, as float64: exact for unix seconds."""
    return csr_array((values.astype(np.float64), like.indices, like.indptr), shape=like.shape)
