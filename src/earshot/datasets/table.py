"""Any table of plays: an interaction log, a warehouse export in parts, a published data set of ratings.

Source
    Yours. Text (`.csv`, `.tsv`, `.txt`, `.dat`, also packed as `.gz`) with any separator, with a
    header or without, or parquet; one file, many, or a folder. A row is a listener, a song, and
    how often or when; without either it is one play. RecTools, for example, writes
    `user_id,item_id,datetime,weight`, MovieLens `user::item::rating::timestamp` without a header.
Licence, citation
    Those of the table.
Songs
    Optionally a table with columns named like those of songs.csv, or mapped to them. `audio` is a
    path relative to that table; the files are hard-linked into the delivery.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earshot import columns
from earshot.catalogue.play_rows import AN_ID, LONGEST_ID, NOT_IN_ID
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import Draft, new_delivery
from earshot.datasets.importing.names import plain
from earshot.datasets.importing.play_columns import (
    identifier,
    moment,
    open_plays,
    play_number,
    text,
    truth,
    write_plays,
)
from earshot.datasets.importing.rows import Column, column_names, read_rows
from earshot.datasets.importing.sources import SourceFile, find_files, one_file
from earshot.datasets.matching import MatchedImport, read_named_plays, write_matched
from earshot.errors import UserError

SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".gz", ".parquet")
_MOST_SONGS = 3_000_000
"""A delivery's songs are held in memory as a whole."""
_KINDS = {
    columns.USER_ID: identifier,
    columns.SONG_ID: identifier,
    columns.ARTIST: text,
    columns.TITLE: text,
    columns.RECORDING_MBID: text,
    columns.PLAY_COUNT: play_number,
    columns.PLAYED_AT: moment,
}


def _is_year(text: str) -> bool:
    return text in columns.NO_YEAR or re.fullmatch(columns.A_YEAR, text) is not None


def _is_id_or_nothing(text: str) -> bool:
    return len(text) <= LONGEST_ID and re.search(NOT_IN_ID, text) is None


_IDS = (columns.SONG_ID, columns.ARTIST_ID, columns.VERSION_OF)
_CHECKED = {
    columns.YEAR: (_is_year, "a year of four digits, or nothing"),
    columns.ARTIST_ID: (_is_id_or_nothing, AN_ID),
    columns.VERSION_OF: (_is_id_or_nothing, AN_ID),
}
"""Of columns of songs: what is good, and what is wanted."""


@dataclass(frozen=True)
class TableImport:
    """What was read and kept.

    Attributes
    ----------
    files
        Of plays.
    plays
        Rows of plays that were kept.
    songs
        Of the table of songs; 0 without one.
    set_aside
        Lines of either.
    """

    files: int
    plays: int
    songs: int
    set_aside: int


def import_table(
    patterns: Sequence[str],
    output: Path,
    play_columns: Mapping[str, str],
    layout: Layout,
    *,
    songs: Path | None = None,
    song_columns: Mapping[str, str] | None = None,
    source: str = "table",
    plays: str = "increment",
    listener: str = "",
    match_songs: Path | None = None,
) -> TableImport | MatchedImport:
    """Write the delivery `output` from tables of plays, in memory that does not grow with them.

    Parameters
    ----------
    patterns
        Files, folders, or patterns with `*`.
    play_columns
        What the table calls user_id, song_id and, where it has them, play_count and played_at;
        with `match_songs` instead of song_id: artist and title, recording_mbid, or all three.
    songs, song_columns
        A table of songs, and what it calls the columns that it does not call as songs.csv does.
    source, plays
        For delivery.json.
    listener
        Who listened, in a table without user_id.
    match_songs
        A delivery, to whose songs the plays are matched as `earshot.datasets.matching` says.

    Raises
    ------
    UserError
        No file; a column that is missing; a file of another format; no row that could be used.
    """
    files = find_files(patterns, SUFFIXES)
    wanted = {column: kind(play_columns[column]) for column, kind in _KINDS.items() if column in play_columns}
    with new_delivery(output, source, plays) as draft:
        if match_songs:
            named_plays = (
                play
                for file in files
                for play in read_named_plays(file, wanted, layout, listener, draft.set_aside)
            )
            further = [column for column in (columns.PLAY_COUNT, columns.PLAYED_AT) if column in wanted]
            return write_matched(named_plays, draft, match_songs, columns=further)
        n_plays = _write_plays(draft, files, wanted, layout, listener)
        if not n_plays:
            first = draft.set_aside.first or "they have no rows"
            raise UserError(f"{', '.join(patterns)}: no row could be used; {first}")
        n_songs = _write_songs(draft, one_file(songs), song_columns or {}, layout) if songs else 0
    return TableImport(len(files), n_plays, n_songs, draft.set_aside.count)


def _write_plays(
    draft: Draft, files: Sequence[SourceFile], wanted: Mapping[str, Column], layout: Layout, listener: str
) -> int:
    import pyarrow

    written = 0
    constant = [columns.USER_ID] * bool(listener)
    with open_plays(draft.folder, [*constant, *wanted]) as writer:
        for file in files:
            for _, rows in read_rows(file, list(wanted.values()), layout, draft.set_aside):
                whose = pyarrow.DictionaryArray.from_arrays(np.zeros(len(rows), np.int32), [listener])
                by_name = dict.fromkeys(constant, whose) | dict(zip(wanted, rows.columns, strict=True))
                write_plays(writer, by_name)
                written += len(rows)
    return written


def _write_songs(draft: Draft, file: SourceFile, mapped: Mapping[str, str], layout: Layout) -> int:
    """Write the songs of a table, and count them; one that is there already is set aside."""
    wanted = _song_columns(file, mapped, layout)
    seen = set[str]()
    draft.write_songs(_songs(draft, file, wanted, layout, seen), there=wanted)
    if not seen:
        raise UserError(f"{file.path}: no song could be used; {draft.set_aside.first or 'it has no rows'}")
    return len(seen)


def _songs(
    draft: Draft, file: SourceFile, wanted: Mapping[str, Column], layout: Layout, seen: set[str]
) -> Iterator[dict[str, str]]:
    for lines, rows in read_rows(file, list(wanted.values()), layout, draft.set_aside):
        texts = [column.to_pylist() for column in rows.columns]
        for line, values in zip(lines.tolist(), zip(*texts, strict=True), strict=True):
            song = dict(zip(wanted, values, strict=True))
            if song[columns.SONG_ID] in seen:
                draft.set_aside.add(file.name, line, song[columns.SONG_ID], "each song once")
            else:
                seen.add(song[columns.SONG_ID])
                if len(seen) > _MOST_SONGS:
                    raise UserError(f"{file.path}: more than {_MOST_SONGS:,} songs: wanted at most that many")
                yield _kept(draft, file, line, song)


def _song_columns(file: SourceFile, mapped: Mapping[str, str], layout: Layout) -> dict[str, Column]:
    there = column_names(file, layout)
    for column in mapped.keys() - set(columns.SONG_COLUMNS):
        raise UserError(f"song column {column!r}: unknown; allowed here: {', '.join(columns.SONG_COLUMNS)}")
    names = {column: mapped.get(column, column) for column in columns.SONG_COLUMNS}
    kinds = {columns.SONG_ID: identifier, columns.WITHDRAWN: truth}
    return {
        column: kinds.get(column, text)(name)
        for column, name in names.items()
        if column == columns.SONG_ID or column in mapped or name in there
    }


def _kept(draft: Draft, file: SourceFile, line: int, song: dict[str, str]) -> dict[str, str]:
    """`song` as songs.csv takes it; a year, id or audio that is none is set aside, the song stays."""
    kept = {column: value if column in _IDS else plain(value) for column, value in song.items()}
    audio = song.get(columns.AUDIO, "")
    for column, (good, wanted) in _CHECKED.items():
        if not good(kept.get(column, "")):
            draft.set_aside.add(file.name, line, f"{column}={song[column]}", wanted)
            kept[column] = ""
    if audio and not os.path.isfile(file.path.parent / audio):  # noqa: PTH113 -- Path's raises for a long name
        draft.set_aside.add(file.name, line, f"audio={audio}", "a file, its path relative to this table")
        audio = ""
    if audio:
        audio = draft.add_audio(song[columns.SONG_ID], file.path.parent / audio)
    return kept | {columns.AUDIO: audio}
