"""Lists of recommended songs as a table, written a block of listeners at a time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import COLD, RANK, RELEASE, SCORE, SONG_ID, USER_ID
from earshot.recommend.ranking import Ranked

if TYPE_CHECKING:
    import pyarrow as pa

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
            writer.write_table(pa.table(columns, schema=_schema()))
            rows += len(ranked.users)
            listeners += int((ranked.ranks == 1).sum())
    return rows, listeners


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = [pa.string(), pa.string(), pa.int32(), pa.float32(), pa.bool_(), pa.string()]
    return pa.schema(list(zip((USER_ID, SONG_ID, RANK, SCORE, COLD, RELEASE), kinds, strict=True)))
