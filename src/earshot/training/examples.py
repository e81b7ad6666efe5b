"""The songs that an encoder learns from, and those that tell it when to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among, positions_of
from earshot.catalogue.play_counts import read_play_counts
from earshot.columns import SONG_ID, VALIDATION
from earshot.errors import UserError
from earshot.spaces.wmf import Wmf

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

    from earshot.store.reader import HyperImageStore


Hear = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""What a trained encoder predicts for some rows of the examples, (n,): (n, n_outputs)."""


@dataclass(frozen=True)
class Examples:
    """Songs with audio and with factors: first those to learn from, then those for early stopping.

    Attributes
    ----------
    songs
        Their lines of `training_set/songs.parquet`, in order of the rows below.
    factors
        float32 (n, factors), their item factors.
    positions
        Their lines in the store of hyper-images, (n,).
    n_training
        How many of them, from the first, are learned from.
    user_factors
        float32 (n_users, factors), of all listeners; None where an objective asks for factors alone.
    plays
        float32 (n, n_users), play counts of the songs; None likewise.
    user_ids
        (n_users,); None likewise.
    wmf
        What the factors were made with; None likewise.
    """

    songs: pd.DataFrame
    factors: NDArray[np.float32]
    positions: NDArray[np.int64]
    n_training: int
    user_factors: NDArray[np.float32] | None = None
    plays: csr_array | None = None
    user_ids: NDArray[np.object_] | None = None
    wmf: Wmf | None = None


def read_examples(training_set: Path, wmf_factors: Path, store: HyperImageStore) -> Examples:
    """The warm songs with plays and audio, their factors, and who played them.

    Raises
    ------
    UserError
        No song to learn from, or none for early stopping.
    """
    import pandas as pd

    items = pd.read_parquet(wmf_factors / "items.parquet")[SONG_ID]
    rows = pd.Series(np.arange(len(items)), index=items)
    songs = pd.read_parquet(training_set / "songs.parquet")
    # False sorts before True: songs to learn from come first
    songs = songs[is_among(songs[SONG_ID], items)].sort_values([VALIDATION, SONG_ID], ignore_index=True)
    n_training = int((~songs[VALIDATION]).sum())
    _refuse_too_few(n_training, len(songs) - n_training)
    factors = np.load(wmf_factors / "item_factors.npy")[rows[songs[SONG_ID]].to_numpy()]
    positions = np.array([store.position(song_id) for song_id in songs[SONG_ID]], dtype=np.int64)
    user_factors = np.load(wmf_factors / "user_factors.npy")
    counts = read_play_counts(training_set)
    columns = positions_of(counts.song_ids, songs[SONG_ID])
    plays = counts.matrix[:, columns].T.tocsr()  # (n_users, n) to (n, n_users), users as the user factors
    wmf = Wmf.read(wmf_factors)
    return Examples(songs, factors, positions, n_training, user_factors, plays, counts.user_ids, wmf)


def _refuse_too_few(n_training: int, n_validation: int) -> None:
    if n_training == 0:
        raise UserError(
            "no song to learn from: of the warm songs with plays and audio, none is left beside "
            f"the {n_validation} for early stopping; more songs are wanted, or a "
            "smaller training_set.validation_share"
        )
    if n_validation == 0:
        raise UserError(
            f"no song for early stopping among {n_training} warm songs with plays and audio; "
            "more songs are wanted, or a larger training_set.validation_share"
        )
