"""Play counts on disk: the table of plays, and the tables that say which row is whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.plays import PLAYS, newest_play, play_tables, read_plays, write_plays
from earshot.columns import ITEM, LAST_PLAYED_AT, PLAY_COUNT, SONG_ID, USER, USER_ID
from earshot.errors import UserError
from earshot.files import read_json, write_json, write_table

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_array

_SECONDS_A_DAY = 86_400
USERS, ITEMS = "users.parquet", "items.parquet"
LEFT_OUT = "left_out.parquet"
"""Pairs of user_id and song_id that no list is to hold; not there where no listener said so."""
RECENCY = "recency.json"
"""Beside them where older plays count for less: `half_life_days`, and `newest`, when the last play was."""


@dataclass(frozen=True)
class PlayCounts:
    """Who played what how often.

    Attributes
    ----------
    user_ids
        (n_users,) str, in the order in which they first came; each has a play.
    song_ids
        (n_items,) str, likewise.
    matrix
        float32 (n_users, n_items), play counts, all positive; indices sorted. Where older plays count for
        less, each is halved for every half-life that its last play is older than the newest of all.
    """

    user_ids: NDArray[np.object_]
    song_ids: NDArray[np.object_]
    matrix: csr_array


def read_play_counts(folder: Path) -> PlayCounts:
    """Read `data/play_counts/` or `data/training_set/`.

    Raises
    ------
    UserError
        A table that is not there.
    """
    import pandas as pd
    from scipy.sparse import csr_array

    files = play_tables(folder)
    for name in (USERS, ITEMS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: not there; the stage play_counts writes it")
    user_ids = pd.read_parquet(folder / USERS)[USER_ID].to_numpy(dtype=object)
    song_ids = pd.read_parquet(folder / ITEMS)[SONG_ID].to_numpy(dtype=object)
    decays = (folder / RECENCY).is_file()
    plays = read_plays(files, [USER, ITEM, PLAY_COUNT, *([LAST_PLAYED_AT] if decays else [])])
    counts = plays[PLAY_COUNT].to_numpy(dtype=np.float32)
    if decays:
        counts = _decayed(counts, plays[LAST_PLAYED_AT], read_json(folder / RECENCY))
    # CSR's indptr: plays are sorted by user, starts[u]:starts[u + 1] are those of listener u
    starts = np.searchsorted(plays[USER].to_numpy(), np.arange(len(user_ids) + 1))
    matrix = csr_array(
        (counts, plays[ITEM].to_numpy(), starts.astype(np.int32)), shape=(len(user_ids), len(song_ids))
    )
    return PlayCounts(user_ids, song_ids, matrix)


def _decayed(
    counts: NDArray[np.float32], last_played: pd.Series, recency: dict[str, float]
) -> NDArray[np.float32]:
    """Counts of (n_plays,), less for those played long ago; of those without a date as they are."""
    days = (recency["newest"] - last_played.astype("Float64").fillna(recency["newest"])) / _SECONDS_A_DAY
    decayed = counts * 0.5 ** (days.to_numpy(dtype=np.float64) / recency["half_life_days"])
    # a play remains one, however old
    return np.maximum(decayed, np.finfo(np.float32).tiny).astype(np.float32)


def write_recency(folder: Path, half_life_days: float | None) -> None:
    """Have the plays in `folder` count for less the older they are; not with None, nor without dates."""
    if half_life_days is None:
        return
    newest = newest_play(play_tables(folder))
    if newest is not None:
        write_json(folder / RECENCY, {"half_life_days": half_life_days, "newest": newest})


def write_play_counts(
    folder: Path, user_ids: NDArray[np.object_], song_ids: NDArray[np.object_], plays: pd.DataFrame
) -> None:
    """Write the three tables.

    Parameters
    ----------
    user_ids, song_ids
        (n_users,), (n_items,) str.
    plays
        user and item (rows of the two), play_count; one line a pair, sorted. Also
        first_played_at and last_played_at, unix seconds or missing, where they are known.
    """
    write_ids(folder, user_ids, song_ids)
    write_plays(folder / PLAYS, plays)


def write_ids(folder: Path, user_ids: Iterable[str], song_ids: Iterable[str]) -> None:
    """Write the two tables that say which row is whom."""
    import pandas as pd

    write_table(folder / USERS, pd.DataFrame({USER_ID: pd.Series(user_ids, dtype=str)}))
    write_table(folder / ITEMS, pd.DataFrame({SONG_ID: pd.Series(song_ids, dtype=str)}))
