"""A delivery's songs.csv or songs.parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from earshot.columns import ARTIST, ARTIST_ID, AUDIO, GENRES, SONG_ID, TAGS, TITLE, WITHDRAWN
from earshot.deliveries.tables import find_tables, read_table
from earshot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

SONG_COLUMNS = (SONG_ID, ARTIST_ID, ARTIST, TITLE, GENRES, TAGS, AUDIO, WITHDRAWN)

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


def read_songs(folder: Path) -> pd.DataFrame:
    """The songs of the delivery `folder`, in the order of its file.

    Returns
    -------
    One line a song: song_id, artist_id, artist, title, genres, tags, audio, all str,
    `""` where nothing was said, and withdrawn (bool). No line where it brings no songs.

    Raises
    ------
    UserError
        A file that cannot be read; no column song_id; a missing or
        repeated song_id; a `withdrawn` that is neither true nor false.
    """
    import pandas as pd

    path = song_file(folder)
    if path is None:
        return pd.DataFrame({column: pd.Series(dtype=str) for column in SONG_COLUMNS}).astype(
            {WITHDRAWN: bool}
        )
    songs = read_table(path, required=(SONG_ID,), optional=dict.fromkeys(SONG_COLUMNS[1:], ""))
    _refuse_bad_ids(path, songs[SONG_ID])
    return songs.assign(**{WITHDRAWN: _truth(path, songs[WITHDRAWN])})


def read_song_ids(folder: Path) -> pd.Series:
    """The ids alone, str; for a delivery that was checked when it was taken in."""
    path = song_file(folder)
    return read_table(path, (SONG_ID,), {})[SONG_ID] if path else read_songs(folder)[SONG_ID]


def _refuse_bad_ids(path: Path, song_ids: pd.Series) -> None:
    missing = song_ids.index[song_ids == ""]
    if len(missing):
        raise UserError(f"{path}: row {missing[0] + 1}: song_id='': wanted an id")
    repeated = song_ids[song_ids.duplicated(keep=False)]
    if len(repeated):
        song_id = repeated.iloc[0]
        rows = [str(row + 1) for row in repeated.index[repeated == song_id]]
        raise UserError(f"{path}: rows {', '.join(rows[:5])}: song_id={song_id!r}: wanted each song once")


def _truth(path: Path, column: pd.Series) -> pd.Series:
    truth = column.str.strip().str.lower().map(_TRUTH)
    for row in truth.index[truth.isna()]:
        raise UserError(f"{path}: row {row + 1}: withdrawn={column[row]!r}: wanted true or false, or nothing")
    return truth.astype(bool)
