"""Vectors of songs and listeners as they are served, out of what songs sound like and who plays them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.factors.solves import confidence, solve_items_with_prediction, solve_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from earshot.catalogue.play_counts import PlayCounts

Factors = NDArray[np.float32]
Ids = NDArray[np.object_]


@dataclass(frozen=True)
class Wmf:
    """What a factorization was made with; see `earshot.factors.wmf`."""

    alpha: float
    epsilon: float
    regularization: float

    @classmethod
    def of(cls, params: dict[str, Any]) -> Wmf:
        """Out of a manifest's `params["wmf_factors"]`."""
        return cls(params["alpha"], params["epsilon"], params["regularization"])


def columns_of(matrix: csr_array, ids: Ids, wanted: Ids) -> csr_array:
    """The columns `wanted` of a matrix whose columns are `ids`; empty ones where `ids` lacks them.

    Returns
    -------
    csr (n_rows, len(wanted))
    """
    from scipy.sparse import coo_array, csr_array

    entries = matrix.tocoo()
    column = positions_of(wanted, ids)[entries.coords[1]]  # new column of each entry, -1 where it has none
    known = column >= 0
    shape = (matrix.shape[0], len(wanted))
    return csr_array(coo_array((entries.data[known], (entries.coords[0][known], column[known])), shape=shape))


@dataclass(frozen=True)
class ReleasedUsers:
    """The listeners of a factorization.

    Attributes
    ----------
    user_ids, factors
        (n_users,) and float32 (n_users, factors).
    """

    user_ids: Ids
    factors: Factors
    wmf: Wmf


def song_factors(
    plays: PlayCounts, song_ids: Ids, predicted: Factors, release: ReleasedUsers, n0: float
) -> Factors:
    """Factors of songs from their listeners so far and from a prediction out of their sound.

    Parameters
    ----------
    plays
        All plays of today; listeners whom the release does not know do not count.
    song_ids
        (n_songs,).
    predicted
        (n_songs, factors); zeros for a song without a prediction, which is then
        placed by its listeners alone.
    n0
        See `solve_items_with_prediction`.

    Returns
    -------
    float32 (n_songs, factors)
    """
    wmf = release.wmf
    # (n_items, n_released_users)
    heard_by = columns_of(plays.matrix.T.tocsr(), plays.user_ids, release.user_ids)
    # (n_songs, n_released_users)
    of_songs = columns_of(heard_by.T.tocsr(), plays.song_ids, song_ids).T.tocsr()
    counts = confidence(of_songs, wmf.alpha, wmf.epsilon)
    return solve_items_with_prediction(counts, release.factors, wmf.regularization, predicted, n0)


def listener_factors(plays: PlayCounts, song_ids: Ids, item_factors: Factors, wmf: Wmf) -> Factors:
    """The exact row solve of every listener of `plays` on all their plays.

    Parameters
    ----------
    song_ids, item_factors
        (n_songs,) and (n_songs, factors): the songs that listeners are solved
        against; a play of another song does not count.

    Returns
    -------
    float32 (n_users, factors), in the order of `plays.user_ids`; zeros for a
    listener without a play that counts.
    """
    counts = confidence(columns_of(plays.matrix, plays.song_ids, song_ids), wmf.alpha, wmf.epsilon)
    return solve_rows(counts, item_factors, wmf.regularization)


@dataclass(frozen=True)
class Served:
    """What recommendations are made of.

    Attributes
    ----------
    song_ids, n_listeners
        (n_songs,): songs with a sound, or with a listener whom the release knows; by song_id.
    item_factors
        float32 (n_songs, factors).
    user_factors
        float32 (n_users, factors), in the order of the play counts.
    """

    song_ids: Ids
    n_listeners: NDArray[np.int32]
    item_factors: Factors
    user_factors: Factors


def serve(
    plays: PlayCounts,
    heard: Ids,
    predicted: Factors,
    release: ReleasedUsers,
    n0: float,
    earlier: Served | None,
) -> Served:
    """Place every song and every listener of today under a release.

    Parameters
    ----------
    heard, predicted
        (n_heard,) and (n_heard, factors): the songs with a sound, and what it says.
    earlier
        What was served of the same plays, release, n0 and predictions of played
        songs: only songs that nobody has played can be new, and they move nobody.
    """
    song_ids = np.union1d(heard, plays.song_ids)
    n_listeners = rows_of(plays.song_ids, count_listeners(plays), song_ids)
    # items (n_songs, factors): zeros without a sound
    items, played = rows_of(heard, predicted, song_ids), n_listeners > 0
    items[played] = (
        song_factors(plays, song_ids[played], items[played], release, n0)
        if earlier is None
        else rows_of(earlier.song_ids, earlier.item_factors, song_ids[played])
    )
    placed = items.any(axis=1)  # not those with neither a sound nor a listener whom the release knows
    # Only played songs, as in the fit: a song that nobody has played moves no listener.
    users = (
        listener_factors(plays, song_ids[played & placed], items[played & placed], release.wmf)
        if earlier is None
        else earlier.user_factors
    )
    return Served(song_ids[placed], n_listeners[placed], items[placed], users)


def count_listeners(plays: PlayCounts) -> NDArray[np.int32]:
    """(n_items,): listeners of every song."""
    # indices are columns: each entry of a column is a listener of that song
    return np.bincount(plays.matrix.indices, minlength=len(plays.song_ids)).astype(np.int32)


def rows_of(ids: Ids, values: NDArray[Any], wanted: Ids) -> NDArray[Any]:
    """The row of `values`, one for each of `ids`, for every id in `wanted`; zeros where `ids` lacks it.

    `values` are (n, ...), the result is (n_wanted, ...) of the same dtype.
    """

    rows = positions_of(ids, wanted)
    found = np.zeros((len(wanted), *values.shape[1:]), values.dtype)
    found[rows >= 0] = values[rows[rows >= 0]]
    return found
