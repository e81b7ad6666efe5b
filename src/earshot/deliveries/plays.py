"""A delivery's plays*.csv or plays*.parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.columns import PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID
from earshot.deliveries.tables import find_tables, read_chunks

if TYPE_CHECKING:
    import pandas as pd


def play_files(folder: Path) -> list[Path]:
    """The tables of plays of a delivery, by name; there may be none."""
    return find_tables(folder, "plays")


def read_plays(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """The rows of one table of plays, `chunk_rows` at a time, as they came.

    Returns
    -------
    user_id, song_id, play_count, played_at, all str, `""` where nothing was
    said; the index counts the file's rows from 0. At least one chunk, which may be empty.

    Raises
    ------
    UserError
        A file that cannot be read, or without user_id or song_id.
    """
    return read_chunks(path, (USER_ID, SONG_ID), (PLAY_COUNT, PLAYED_AT), chunk_rows)
