"""A delivery's feedback*.csv or feedback*.parquet: what listeners said of songs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from earshot.columns import AT, KIND, SONG_ID, USER_ID
from earshot.deliveries.tables import find_tables, read_chunks
from earshot.errors import UserError
from earshot.plays.rows import DATES, NO_SECOND, is_id, seconds_of

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("like", "dislike", "skip", "exclude")
_CHUNK_ROWS = 1_000_000


def feedback_files(folder: Path) -> list[Path]:
    """The tables of feedback of a delivery, by name; there may be none."""
    return find_tables(folder, "feedback")


def check_feedback(folder: Path) -> int:
    """How many rows of feedback the delivery `folder` brings.

    Raises
    ------
    UserError
        A file that cannot be read, or without user_id, song_id or kind; a row with a bad
        value, named with its file.
    """
    rows = 0
    for path in feedback_files(folder):
        for chunk in read_chunks(path, (USER_ID, SONG_ID, KIND), {AT: ""}, _CHUNK_ROWS):
            for column, (good, wanted) in _judged(chunk).items():
                if not good.all():
                    row = chunk.index[~good][0]
                    value = chunk[column][row][:100]
                    raise UserError(f"{path}: row {row + 1}: {column}={value!r}: wanted {wanted}")
            rows += len(chunk)
    return rows


def read_feedback(path: Path) -> Iterator[tuple[pd.DataFrame, int]]:
    """user_id, song_id, kind (str), at (Int64 unix seconds or missing); and how many rows were bad.

    Raises
    ------
    UserError
        A file that cannot be read, or from some row on: earlier versions let it in.
    """
    for chunk in read_chunks(path, (USER_ID, SONG_ID, KIND), {AT: ""}, _CHUNK_ROWS):
        bad = ~np.logical_and.reduce([good.to_numpy() for good, _ in _judged(chunk).values()])
        kept = chunk[~bad]
        at = seconds_of(kept[AT]).astype("Int64")
        yield kept.assign(**{AT: at.mask(at == NO_SECOND)}), int(bad.sum())


def _judged(chunk: pd.DataFrame) -> dict[str, tuple[pd.Series, str]]:
    """Of each column which values are good, and what is wanted."""
    import pandas as pd

    ids = {name: (pd.Series(is_id(chunk[name]), chunk.index), "an id") for name in (USER_ID, SONG_ID)}
    dated = (chunk[AT] == "") | (seconds_of(chunk[AT]) != NO_SECOND)
    return {**ids, KIND: (chunk[KIND].isin(KINDS), " or ".join(KINDS)), AT: (dated, DATES)}
