"""What stands in a delivery's tables: songs, plays, and what listeners said of songs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.play_rows import AN_ID, DATES, NO_SECOND, is_id, seconds_of
from earshot.columns import (
    A_YEAR,
    ARTIST_ID,
    AT,
    DISLIKE,
    EXCLUDE,
    KIND,
    LIKE,
    NO_YEAR,
    PLAY_COUNT,
    PLAYED_AT,
    SONG_COLUMNS,
    SONG_ID,
    UNLIKE,
    USER_ID,
    VERSION_OF,
    WITHDRAWN,
    YEAR,
)
from earshot.deliveries.index import Delivery
from earshot.deliveries.tables import find_tables, read_chunks, read_table
from earshot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


_TRUTH = {
    "": False,
    "0": False,
    "false": False,
    "no": False,
    "0.0": False,
    "1": True,
    "true": True,
    "yes": True,
    "1.0": True,
}


def song_file(folder: Path) -> Path | None:
    """songs.csv or songs.parquet of a delivery, None where it brings no songs; UserError for both."""
    found = find_tables(folder, "songs")
    if len(found) > 1:
        raise UserError(f"{folder}: {' and '.join(path.name for path in found)}: wanted one of them")
    return found[0] if found else None


def read_songs(folder: Path, at_door: bool = False) -> pd.DataFrame:
    """The songs of the delivery `folder`, in the order of its file.

    Parameters
    ----------
    at_door
        Refuse what earlier versions let in and stages can bear: odd ids, and bad years,
        which otherwise are left out.

    Returns
    -------
    One line a song: song_id, artist_id, artist, title, genres, tags, audio, album, track, year
    (four digits), recording_mbid, path, version_of, all str, `""` where nothing was said, and
    withdrawn (bool), in the order of `SONG_COLUMNS`. No line where it brings no songs.

    Raises
    ------
    UserError
        A file that cannot be read; no column song_id; a missing or
        repeated song_id; an id with control characters or of more than 1,000
        characters; a `withdrawn` that is neither true nor false; a bad year.
    """
    import pandas as pd

    path = song_file(folder)
    if path is None:
        return pd.DataFrame({column: pd.Series(dtype=str) for column in SONG_COLUMNS}).astype(
            {WITHDRAWN: bool}
        )
    songs = read_table(path, required=(SONG_ID,), optional=dict.fromkeys(SONG_COLUMNS[1:], ""))
    _refuse_bad_ids(path, songs[SONG_ID])
    if at_door:
        for column in (SONG_ID, ARTIST_ID, VERSION_OF):
            _refuse_no_id(path, songs.loc[songs[column] != "", column])
        _refuse_bad_years(path, songs[YEAR])
    return songs.assign(**{WITHDRAWN: _truth(path, songs[WITHDRAWN]), YEAR: _years(songs[YEAR])})


def read_song_ids(folder: Path) -> pd.Series:
    """The ids alone, str; for a delivery that was checked when it was taken in."""
    path = song_file(folder)
    return read_table(path, (SONG_ID,), {})[SONG_ID] if path else read_songs(folder)[SONG_ID]


def first_named(songs: pd.Series, folders: Iterable[Path]) -> NDArray[np.int64]:
    """Which of `folders` is the first to name each of `songs`, (n,) str, each once; -1 where none does."""
    import pandas as pd

    index, found = pd.Index(songs), np.full(len(songs), -1)
    for number, folder in enumerate(folders):
        if (found >= 0).all():
            break
        rows = index.get_indexer(pd.Index(read_song_ids(folder)))
        rows = rows[rows >= 0]
        found[rows[found[rows] < 0]] = number
    return found


def _refuse_bad_ids(path: Path, song_ids: pd.Series) -> None:
    missing = song_ids.index[song_ids == ""]
    if len(missing):
        raise UserError(f"{path}: row {missing[0] + 1}: song_id='': wanted an id")
    repeated = song_ids[song_ids.duplicated(keep=False)]
    if len(repeated):
        song_id = repeated.iloc[0]
        rows = [str(row + 1) for row in repeated.index[repeated == song_id]]
        raise UserError(f"{path}: rows {', '.join(rows[:5])}: song_id={song_id!r}: wanted each song once")


def _refuse_no_id(path: Path, ids: pd.Series) -> None:
    bad = ids[~is_id(ids)]
    if len(bad):
        raise UserError(f"{path}: row {bad.index[0] + 1}: {ids.name}={bad.iloc[0][:100]!r}: wanted {AN_ID}")


def _years(column: pd.Series) -> pd.Series:
    """Four digits, also of a date or of a number with a point; `""` for any other."""
    stripped = column.str.strip()
    good = stripped.str.fullmatch(A_YEAR)
    return stripped.str.slice(0, 4).where(good, "")


def _refuse_bad_years(path: Path, column: pd.Series) -> None:
    bad = column[(_years(column) == "") & ~column.str.strip().isin(NO_YEAR)]
    if len(bad):
        raise UserError(
            f"{path}: row {bad.index[0] + 1}: year={bad.iloc[0][:100]!r}: "
            "wanted a year of four digits, or nothing"
        )


def _truth(path: Path, column: pd.Series) -> pd.Series:
    truth = column.str.strip().str.lower().map(_TRUTH)
    for row in truth.index[truth.isna()]:
        raise UserError(
            f"{path}: row {row + 1}: withdrawn={column[row][:100]!r}: wanted true or false, or nothing"
        )
    return truth.astype(bool)


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
    # by source, the place of its last total: it replaces what came before
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


KINDS = (LIKE, UNLIKE, DISLIKE, "skip", EXCLUDE)
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
