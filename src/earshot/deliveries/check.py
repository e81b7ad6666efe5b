"""Whether a delivery can be taken in."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from earshot.columns import AUDIO
from earshot.deliveries.contents import list_files
from earshot.deliveries.index import read_description
from earshot.deliveries.reading import (
    check_feedback,
    feedback_files,
    play_files,
    read_plays,
    read_songs,
    song_file,
)
from earshot.deliveries.tables import refuse_lines, refuse_open_quotes
from earshot.errors import UserError


class RefusedDelivery(UserError):
    """A delivery of which anything could not be used."""


def check(folder: Path) -> None:
    """Refuse a delivery of which anything could not be used; nothing is changed.

    Of a table of plays only the first row is read: all are by `check_plays`, once. The inside of
    an audio file does not count here: `check_sound` says what of it cannot be used.

    Raises
    ------
    Refused
        Naming file, row, column and value: neither songs nor plays, a missing
        column, a repeated song_id, a path or link out of the delivery, an audio
        file that is not there, a file that is not what its name says.
    """
    try:
        _check(folder)
    except UserError as error:
        raise RefusedDelivery(str(error)) from None


def _check(folder: Path) -> None:
    files = set(list_files(folder))
    read_description(folder)
    for table in filter(None, [song_file(folder), *feedback_files(folder)]):
        refuse_open_quotes(table)
    songs = read_songs(folder, at_door=True)
    _check_audio(folder, songs, files)
    plays = play_files(folder)
    with_plays = [path for path in plays if _has_rows(path)]
    feedback_rows = check_feedback(folder)
    if song_file(folder) is None and not plays and not feedback_files(folder):
        there = ", ".join(sorted(files)[:5]) or "nothing"
        raise UserError(
            f"{folder}: neither songs nor plays: "
            f"wanted songs.csv, songs.parquet, plays*.csv or plays*.parquet; there is {there}"
        )
    if not len(songs) and not with_plays and not feedback_rows:
        raise UserError(f"{folder}: neither songs nor plays: its tables have no rows")


def _has_rows(path: Path) -> bool:
    refuse_lines(path)
    return any(len(chunk) for chunk in read_plays(path, chunk_rows=1))


def _check_audio(folder: Path, songs: pd.DataFrame, files: Collection[str]) -> None:
    path = song_file(folder)
    for row, audio in enumerate(songs[AUDIO], 1):
        if audio and (problem := _audio_problem(audio, files)):
            raise UserError(f"{path}: row {row}: audio={audio[:200]!r}: {problem}")


def _audio_problem(audio: str, files: Collection[str]) -> str:
    parts = audio.split("/")
    if posixpath.isabs(audio) or ".." in parts:
        return "leads out of the delivery; wanted a path inside it"
    if posixpath.normpath(audio) in files:
        return ""
    if any(part.startswith(".") and part != "." for part in parts):
        return "is hidden; wanted a name that does not start with a dot"
    return "not there; wanted the path of a file inside the delivery, or nothing"
