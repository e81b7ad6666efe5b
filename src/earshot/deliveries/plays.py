"""A delivery's plays*.csv or plays*.parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.columns import PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID
from earshot.deliveries.index import Delivery
from earshot.deliveries.tables import find_tables, read_chunks

if TYPE_CHECKING:
    import pandas as pd


def play_files(folder: Path) -> list[Path]:
    """The tables of plays of a delivery, by name; there may be none."""
    return find_tables(folder, "plays")


def delivered_plays(deliveries: Path, index: Sequence[Delivery]) -> list[Delivery]:
    """Those of `index` whose plays count: they bring some, and no later total of their source replaces them.

    Parameters
    ----------
    deliveries
        The folder `data/deliveries`.
    index
        In order of arrival.
    """
    with_plays = [delivery for delivery in index if play_files(deliveries / delivery.name)]
    last_total = {
        delivery.source: place for place, delivery in enumerate(with_plays) if delivery.plays == "total"
    }
    return [
        delivery for place, delivery in enumerate(with_plays) if place >= last_total.get(delivery.source, 0)
    ]


def read_plays(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """The rows of one table of plays, `chunk_rows` at a time, as they came.

    Returns
    -------
    user_id, song_id, play_count, played_at, all str, `""` where nothing was
    said. Without a column play_count each row is one play. The index counts the
    file's rows from 0. At least one chunk, which may be empty.

    Raises
    ------
    UserError
        A file that cannot be read, or without user_id or song_id.
    """
    return read_chunks(path, (USER_ID, SONG_ID), {PLAY_COUNT: "1", PLAYED_AT: ""}, chunk_rows)
