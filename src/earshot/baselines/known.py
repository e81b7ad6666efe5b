"""What a system may know: the sound of every song, and the plays of those that are not cold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.baselines.bag_of_words import bag_of_words
from earshot.catalogue.play_counts import read_play_counts
from earshot.columns import SONG_ID, VALIDATION
from earshot.errors import UserError
from earshot.store.reader import HyperImageStore

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

    from earshot.catalogue.play_counts import PlayCounts

Array = NDArray[np.float32]


class Vectors(NamedTuple):
    """A system with vectors of its own on both sides, score = user_vectors @ item_vectors.T.

    (n_users, d) and (n_items, d).
    """

    user_vectors: NDArray[np.floating]
    item_vectors: NDArray[np.floating]


@dataclass(frozen=True)
class Known:
    """What a system may know.

    Attributes
    ----------
    store
        Hyper-images of all songs, and maybe of others.
    songs
        n lines as in `training_set/songs.parquet`.
    learn
        (n,) bool: the songs to learn from, warm with plays and audio.
    targets
        float32 (n_learn, factors), item factors of the songs in `learn`, in their order.
    plays
        float32 (n_users, n), play counts of the songs in `learn`; the other columns are empty.
    seed
        Of whatever a system draws at random.
    n_words
        Of the dictionary of audio words; the paper has 4,000.
    """

    store: HyperImageStore
    songs: pd.DataFrame
    learn: NDArray[np.bool_]
    targets: Array
    plays: csr_array
    seed: int
    n_words: int

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Lines of the songs in the store, (n,)."""
        return np.array([self.store.position(song_id) for song_id in self.songs[SONG_ID]], dtype=np.int64)

    @cached_property
    def bags(self) -> Array:
        """The songs as bags of words, float32 (n, components)."""
        return bag_of_words(self.store, self.positions, self.learn, self.seed, self.n_words)

    @cached_property
    def validation(self) -> NDArray[np.bool_]:
        """(n,) bool: those of `learn` that tell a system when to stop.

        Raises
        ------
        UserError
            There is none, or nothing else to learn from.
        """
        chosen = np.asarray(self.learn & self.songs[VALIDATION].to_numpy(dtype=np.bool_))
        if not 0 < chosen.sum() < self.learn.sum():
            raise UserError(
                f"{chosen.sum()} of the {self.learn.sum()} warm songs with plays and audio are for early "
                "stopping; some are wanted, and others to learn from: more songs, or another "
                "training_set.validation_share"
            )
        return chosen


def read_known(training_set: Path, wmf_factors: Path, seed: int, n_words: int) -> Known:
    """What `training_set` and `wmf_factors`, folders as the stages write them, let a system know."""
    import pandas as pd

    songs = pd.read_parquet(training_set / "songs.parquet")
    rows = positions_of(pd.read_parquet(wmf_factors / "items.parquet")[SONG_ID], songs[SONG_ID])
    learn = rows >= 0
    return Known(
        store=HyperImageStore.open(training_set / "hyper_images"),
        songs=songs,
        learn=learn,
        targets=np.load(wmf_factors / "item_factors.npy")[rows[learn]],
        plays=_plays_of(songs[SONG_ID], learn, read_play_counts(training_set)),
        seed=seed,
        n_words=n_words,
    )


def _plays_of(song_ids: pd.Series, learn: NDArray[np.bool_], counts: PlayCounts) -> csr_array:
    """float32 (n_users, n): a column a song, empty where it is not in `learn`."""
    from scipy.sparse import csr_array

    columns = np.full(len(counts.song_ids), -1)  # from columns of the counts to columns here; -1 is none
    columns[positions_of(counts.song_ids, song_ids[learn])] = np.flatnonzero(learn)
    played = columns[counts.matrix.indices]  # new column of each play
    kept = played >= 0
    # indptr of the plays that are kept: how many of them come before each old start
    starts = np.concatenate([[0], np.cumsum(kept)])[counts.matrix.indptr]
    shape = (len(counts.user_ids), len(song_ids))
    matrix = csr_array((counts.matrix.data[kept], played[kept], starts), shape=shape)
    matrix.sort_indices()  # columns have other numbers now
    return matrix
