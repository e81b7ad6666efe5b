"""Songs and listeners with their vectors, and how rows of one table are found for the ids of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from earshot.catalogue.play_counts import PlayCounts

Vectors = NDArray[np.float32]
Ids = NDArray[np.object_]


@dataclass(frozen=True)
class Placed:
    """Songs, or listeners, where they are in a taste space.

    Attributes
    ----------
    ids
        (n,), all different.
    vectors
        float32 (n, d).
    """

    ids: Ids
    vectors: Vectors

    def only(self, wanted: NDArray[np.bool_]) -> Placed:
        """Some of them, `(n,)`."""
        return Placed(self.ids[wanted], self.vectors[wanted])


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


def songs_by_listeners(plays: PlayCounts, song_ids: Ids, user_ids: Ids) -> csr_array:
    """Play counts, float32 (n_songs, n_users), of these songs by these listeners; others do not count."""
    # (n_items, n_users), then (n_users, n_songs)
    counts = columns_of(plays.matrix.T.tocsr(), plays.user_ids, user_ids)
    return columns_of(counts.T.tocsr(), plays.song_ids, song_ids).T.tocsr()


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
