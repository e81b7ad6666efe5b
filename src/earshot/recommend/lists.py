"""Lists of recommended songs, written a block of listeners at a time.

New songs are merged into the lists of before where nothing else has changed: they cost the
same in any catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.columns import COLD, RANK, RELEASE, SCORE, SONG_ID, USER_ID
from earshot.recommend.list_rules import ListMaker
from earshot.recommend.ranking import Ranked

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_array


Ids = NDArray[np.object_]


def write_recommendations(
    path: Path, lists: Iterable[Ranked], user_ids: Ids, song_ids: Ids, cold: NDArray[np.bool_], release: str
) -> tuple[int, int]:
    """Write user_id, song_id, rank, score, cold, release; how many rows, and how many listeners have some.

    Parameters
    ----------
    lists
        Rows of `user_ids` and of `song_ids`, listeners in ascending order.
    cold
        (n_songs,): songs that nobody has played.
    release
        Name of the model that they come from.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    users, songs = pa.array(user_ids, pa.string()), pa.array(song_ids, pa.string())
    rows = listeners = 0
    with ParquetWriter(path, _schema()) as writer:
        for ranked in lists:
            columns: list[Any] = [
                users.take(ranked.users),
                songs.take(ranked.items),
                ranked.ranks.astype(np.int32),
                ranked.scores.astype(np.float32),
                cold[ranked.items],
                pa.repeat(pa.scalar(release, pa.string()), len(ranked.users)),
            ]
            # one row group a block, as merge_songs reads them
            writer.write_table(pa.table(columns, schema=_schema()))
            rows += len(ranked.users)
            listeners += int((ranked.ranks == 1).sum())  # one rank 1 a list
    return rows, listeners


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = [pa.string(), pa.string(), pa.int32(), pa.float32(), pa.bool_(), pa.string()]
    return pa.schema(list(zip((USER_ID, SONG_ID, RANK, SCORE, COLD, RELEASE), kinds, strict=True)))


Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Lists:
    """Lists as `write_recommendations` wrote them, and the songs that they were made of.

    Attributes
    ----------
    path
        The table: a row group for every `USERS_AT_ONCE` listeners.
    song_ids, item_vectors
        (n,) and (n, d).
    """

    path: Path
    song_ids: Ids
    item_vectors: Vectors


def new_songs(earlier: Lists, song_ids: Ids, item_vectors: Vectors) -> NDArray[np.bool_] | None:
    """Which of `song_ids` the earlier lists do not know; None where one of theirs has gone or moved.

    Parameters
    ----------
    song_ids, item_vectors
        (n_songs,) and (n_songs, d).

    Returns
    -------
    (n_songs,) bool, or None
    """

    rows = positions_of(song_ids, earlier.song_ids)
    if (rows < 0).any() or not np.array_equal(item_vectors[rows], earlier.item_vectors):
        return None
    new = np.ones(len(song_ids), dtype=np.bool_)
    new[rows] = False
    return new


def merge_songs(
    earlier: Lists,
    user_ids: Ids,
    song_ids: Ids,
    user_vectors: Vectors,
    item_vectors: Vectors,
    played: csr_array,
    new: NDArray[np.bool_],
    maker: ListMaker,
) -> Iterator[Ranked]:
    """What `maker.rank` gives for all songs, by ranking the `new` ones alone.

    Listeners, their vectors, what they played, k and rules must be those of the earlier lists, and so must be
    artists, and which of the earlier songs nobody has played.

    Parameters
    ----------
    user_ids, user_vectors
        (n_users,) and (n_users, d).
    song_ids, item_vectors
        (n_songs,) and (n_songs, d), the new songs among them.
    played
        (n_users, n_songs), as in `rank_songs`.
    new
        (n_songs,) bool, of `new_songs`.
    """
    fresh = maker.rank(user_vectors, item_vectors, played, new)
    # row group i holds the lists of the listeners that are in block i of `fresh`
    for known, ranked in zip(read_lists(earlier.path, user_ids, song_ids), fresh, strict=True):
        yield maker.best(
            np.concatenate([known.users, ranked.users]),
            np.concatenate([known.items, ranked.items]),
            np.concatenate([known.scores, ranked.scores]),
        )


def read_lists(path: Path, user_ids: Ids, song_ids: Ids) -> Iterator[Ranked]:
    """The lists that `write_recommendations` wrote, a row group at a time, as rows of these ids."""
    import pandas as pd
    from pyarrow.parquet import ParquetFile

    users, songs = pd.Index(user_ids), pd.Index(song_ids)
    with ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=[USER_ID, SONG_ID, RANK, SCORE]).to_pandas()
            yield Ranked(
                users.get_indexer(rows[USER_ID]),
                songs.get_indexer(rows[SONG_ID]),
                rows[RANK].to_numpy(dtype=np.int64),
                rows[SCORE].to_numpy(),
            )
