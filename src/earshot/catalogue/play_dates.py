"""When plays were: of each listener and song the first and the last, as far as deliveries say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.plays import play_tables, read_plays
from earshot.columns import FIRST_PLAYED_AT, LAST_PLAYED_AT

UNDATED = -1
"""In place of a second that no delivery says; deliveries may say none before 1990."""


@dataclass(frozen=True)
class PlayDates:
    """The dates of all plays.

    Attributes
    ----------
    first, last
        (n_plays,) unix seconds, `UNDATED` where no delivery says when; in the order of `matrix.data` of
        `earshot.catalogue.play_counts.read_play_counts`. Of a pair of which one row alone had a date, both
        are that.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]


def read_play_dates(folder: Path) -> PlayDates | None:
    """The dates in `data/play_counts/` or `data/training_set/`; None where no play has one.

    Raises
    ------
    UserError
        A table that is not there.
    """
    from pyarrow import parquet

    names, files = [FIRST_PLAYED_AT, LAST_PLAYED_AT], play_tables(folder)
    if not set(names) <= set(parquet.read_schema(files[0]).names):  # before earshot kept them
        return None
    # line k of the table is entry k of the matrix: both go by listener, then by song
    plays = read_plays(files, names)
    first, last = (
        np.asarray(plays[name].astype("Int64").to_numpy(na_value=UNDATED), np.int64) for name in names
    )
    return PlayDates(first, last) if (first != UNDATED).any() else None
