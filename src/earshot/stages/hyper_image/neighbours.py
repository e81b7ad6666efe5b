"""Songs that the embedding puts side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import eye_array

from earshot.columns import RANK, SONG_ID
from earshot.recommend.ranking import rank_songs

NEIGHBOUR = "neighbour"
COSINE = "cosine"


def nearest(song_ids: pd.Series, vectors: NDArray[np.floating], k: int) -> pd.DataFrame:
    """The k other songs whose vectors (n, d) point most nearly where each song's does.

    Returns
    -------
    song_id, rank from 1, neighbour (a song_id), cosine; in the order of `song_ids`.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    itself, all_songs = eye_array(len(units), format="csr"), np.ones(len(units), dtype=np.bool_)
    lists = list(rank_songs(units, units, itself, all_songs, k))
    users, items, ranks, scores = (
        np.concatenate([getattr(part, name) for part in lists])
        for name in ("users", "items", "ranks", "scores")
    )
    ids = song_ids.to_numpy()
    return pd.DataFrame({SONG_ID: ids[users], RANK: ranks, NEIGHBOUR: ids[items], COSINE: scores})
