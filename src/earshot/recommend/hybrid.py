"""Vectors of songs and listeners as they are served, out of what songs sound like and who plays them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.factors.fold_in import solve_items_with_prediction, solve_rows
from earshot.plays.confidence import confidence

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from earshot.plays.tables import PlayCounts

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
    import pandas as pd
    from scipy.sparse import coo_array, csr_array

    entries = matrix.tocoo()
    column = pd.Index(wanted).get_indexer(pd.Index(ids))[entries.coords[1]]
    known = column >= 0
    shape = (matrix.shape[0], len(wanted))
    return csr_array(coo_array((entries.data[known], (entries.coords[0][known], column[known])), shape=shape))


def song_factors(
    plays: PlayCounts,
    song_ids: Ids,
    predicted: Factors,
    user_ids: Ids,
    user_factors: Factors,
    wmf: Wmf,
    n0: float,
) -> Factors:
    """Factors of songs from their listeners so far and from a prediction out of their sound.

    Parameters
    ----------
    plays
        All plays of today; listeners that `user_ids` lacks do not count.
    song_ids
        (n_songs,).
    predicted
        (n_songs, factors); zeros for a song without a prediction, which is then
        placed by its listeners alone.
    user_ids, user_factors
        (n_users,) and (n_users, factors): the listeners of the factorization.
    n0
        See `solve_items_with_prediction`.

    Returns
    -------
    float32 (n_songs, factors)
    """
    heard_by = columns_of(plays.matrix.T.tocsr(), plays.user_ids, user_ids)
    of_songs = columns_of(heard_by.T.tocsr(), plays.song_ids, song_ids).T.tocsr()
    counts = confidence(of_songs, wmf.alpha, wmf.epsilon)
    return solve_items_with_prediction(counts, user_factors, wmf.regularization, predicted, n0)


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
