"""The first listeners of songs, drawn out of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def draw_first(plays: csr_array, earliness: csr_array | None, n: int, rng: np.random.Generator) -> csr_array:
    """`n` entries of every row of `plays`: those lowest in `earliness`, of equal ones at random.

    All `(n_rows, n_columns)`; `earliness` has the entries of `plays`, and where it is None all are equal.
    """
    from scipy.sparse import csr_array

    rows = np.repeat(np.arange(plays.shape[0]), np.diff(plays.indptr))  # the row of each entry
    chance = rng.random(plays.nnz)
    keys = (chance, rows) if earliness is None else (chance, earliness.data, rows)
    order = np.lexsort(keys)  # by row, in each of them by earliness, in that by chance
    place = np.empty(plays.nnz, dtype=np.int64)
    # place of each entry in its ordered row: `order` keeps rows where they are, at indptr[r]:indptr[r + 1]
    place[order] = np.arange(plays.nnz) - plays.indptr[rows]
    drawn = place < n
    # entries before each row's first, then before its end: each row keeps min(n, its length)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[drawn], minlength=plays.shape[0]))])
    return csr_array((plays.data[drawn], plays.indices[drawn], indptr), shape=plays.shape)
