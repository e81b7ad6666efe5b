"""A delivery's songs.csv or songs.parquet."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from earshot.columns import A_YEAR, ARTIST_ID, NO_YEAR, SONG_COLUMNS, SONG_ID, VERSION_OF, WITHDRAWN, YEAR
from earshot.deliveries.tables import find_tables, read_table
from earshot.errors import UserError
from earshot.plays.rows import AN_ID, is_id

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


def named_songs(songs: Collection[str], folders: Iterable[Path]) -> set[str]:
    """Those of `songs` that a delivery in one of `folders` names."""
    unnamed = set(songs)
    for folder in folders:
        if unnamed:
            unnamed.difference_update(read_song_ids(folder))
    return set(songs) - unnamed


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
    said = column.str.strip()
    good = said.str.fullmatch(A_YEAR)
    return said.str.slice(0, 4).where(good, "")


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
