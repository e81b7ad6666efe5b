"""Last.fm: who listened to what when, matched to songs of yours.

Source
    What a listener has exported (https://lastfm.ghan.nl/export, https://benjaminbenben.com/lastfm-to-csv,
    pages of the API's `user.getRecentTracks`), or the data set lastfm-1K
    (http://ocelma.net/MusicRecommendationDataset/lastfm-1K.html).
Licence, citation
    A listener's own; lastfm-1K for non-commercial use: Ò. Celma. Music Recommendation and Discovery in the
    Long Tail. Springer, 2010.
Format
    CSV with columns called artist, track (or title, or name) and uts or date, or without a header
    `artist,album,track,date`; nothing says who listened. Dates: `31 Oct 2023 14:05` in UTC,
    ISO 8601 or unix seconds.

    lastfm-1K: tabs, no header: userid, timestamp, artist's MBID, artist, recording's MBID, title.
    MBIDs are missing in many rows; `"` is part of a title. It comes as a tar.gz, beside tables of something
    else, which are set aside.

    JSON, or arrays of such pages or of tracks:

        {"recenttracks": {"@attr": {"user": ...}, "track": [
            {"artist": {"#text": ...}, "name": ..., "mbid": ..., "date": {"uts": ...}}]}}
Matching
    As `earshot.datasets.matching` says.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.play_rows import LONGEST_ID
from earshot.columns import ARTIST, PLAYED_AT, RECORDING_MBID, TITLE, USER_ID
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import Draft, SetAside, new_delivery
from earshot.datasets.importing.json_records import read_records
from earshot.datasets.importing.names import listener_id, plain
from earshot.datasets.importing.play_columns import identifier, text
from earshot.datasets.importing.rows import Column, column_names
from earshot.datasets.importing.sources import SourceFile, find_files
from earshot.datasets.importing.unpacking import PACKED_SUFFIXES, damage_told, unpacked
from earshot.datasets.matching import (
    WANTED_SECONDS,
    MatchedImport,
    SourcePlay,
    are_seconds,
    read_named_plays,
    write_matched,
)
from earshot.errors import UserError
from earshot.foreign.bounds import named_columns

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", *PACKED_SUFFIXES)
_LASTFM_1K = Layout("\t", header=False, names=(USER_ID, PLAYED_AT, "", ARTIST, RECORDING_MBID, TITLE))
_NO_HEADER = Layout(header=False, names=(ARTIST, "album", TITLE, PLAYED_AT))
_NAMES = {
    ARTIST: ("artist", "artist name", "artist_name"),
    TITLE: ("track", "title", "name", "track name", "track_name", "song"),
    RECORDING_MBID: ("track_mbid", "mbid", "recording_mbid"),
    PLAYED_AT: ("uts", "timestamp", "date", "datetime", "utc_time", "time", "played_at"),
    USER_ID: ("user", "username", "user_id", "userid"),
}
"""What exporters call a column, in any case, the first that is there."""
_WANTED_COLUMNS = "columns artist, track and date or uts; or, without a header, artist, album, track, date"
_WANTED_DATE = f"a date such as '31 Oct 2023 14:05', ISO 8601, or {WANTED_SECONDS}"


class NoPlaysError(UserError):
    """A table of something else, as exports have beside that of plays."""


def import_lastfm(
    patterns: Sequence[str], output: Path, *, songs: Path, user: str = "", plays: str = "increment"
) -> MatchedImport:
    """Write the plays of `songs` as the delivery `output`.

    Parameters
    ----------
    patterns
        Files, folders of `SUFFIXES`, or patterns with `*`.
    songs
        The delivery whose songs they are matched to.
    user
        Who listened, where the files do not say it.
    plays
        For delivery.json.

    Raises
    ------
    UserError
        No file; one of another format; nobody who listened; no songs; no play of any of them.
    """
    files = find_files(patterns, SUFFIXES)
    with new_delivery(output, "lastfm", plays) as draft:
        plays_read = (play for file in files for play in _plays(draft, file, plain(user)))
        return write_matched(plays_read, draft, songs)


def _plays(draft: Draft, file: SourceFile, user: str) -> Iterator[SourcePlay]:
    """The plays in a file; of an archive, in each of its files, copied out one at a time to be read."""
    for name, stream in unpacked(file):
        if name == file.name and file.path.suffix.lower() != ".xz":
            yield from _plays_of(file, user, draft.set_aside)
            continue
        with NamedTemporaryFile(dir=draft.folder, suffix=".csv") as copy:
            with damage_told(file):
                shutil.copyfileobj(stream, copy)
                copy.flush()
            try:
                yield from _plays_of(SourceFile(Path(copy.name), name), user, draft.set_aside)
            except NoPlaysError:
                draft.set_aside.add(name, None, "", f"a table with {_WANTED_COLUMNS}")
            except UserError as error:
                raise UserError(str(error).replace(copy.name, str(file.path.parent / name))) from None


def _plays_of(file: SourceFile, user: str, set_aside: SetAside) -> Iterator[SourcePlay]:
    """The plays in a file that is no archive."""
    with damage_told(file):
        start = next((stream.read(1 << 16) for _, stream in unpacked(file)), b"")
    start = start.lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith((b"{", b"[")):
        yield from _of_json(file, user, set_aside)
        return
    if not start:
        return
    layout, columns = _table(file, start)
    if USER_ID not in columns and not user:
        raise UserError(f"{file.path}: does not say who listened; --user NAME says it")
    for play in read_named_plays(file, columns, layout, user, set_aside):
        yield SourcePlay(play.user, play.artist, play.title, str(_seconds(play.played_at)), mbids=play.mbids)


def _table(file: SourceFile, start: bytes) -> tuple[Layout, dict[str, Column]]:
    """How a table is laid out, and its columns."""
    kinds = {PLAYED_AT: _date, USER_ID: identifier}
    first = start.split(b"\n", 1)[0]
    if first.count(b"\t") == 5:
        layout, names = _LASTFM_1K, {name: name for name in _LASTFM_1K.names if name}
    else:
        separator = max((",", ";", "\t"), key=lambda each: first.count(each.encode()))
        layout = Layout(separator)
        there = {name.strip().lower(): name for name in reversed(column_names(file, layout))}
        found = {column: [there[name] for name in of if name in there] for column, of in _NAMES.items()}
        names = {column: candidates[0] for column, candidates in found.items() if candidates}
        if not {ARTIST, TITLE, PLAYED_AT} <= names.keys():
            if len(column_names(file, Layout(separator, header=False))) != len(_NO_HEADER.names):
                names_there = named_columns(there.values())
                raise NoPlaysError(f"{file.path}: wanted {_WANTED_COLUMNS}; there are {names_there}")
            layout = Layout(separator, header=False, names=_NO_HEADER.names)
            names = {column: column for column in (ARTIST, TITLE, PLAYED_AT)}
    return layout, {column: kinds.get(column, text)(name) for column, name in names.items()}


def _date(name: str) -> Column:
    return Column(name, _WANTED_DATE, _dated)


def _dated(texts: Any) -> NDArray[np.bool_]:
    return np.array([_seconds(date) is not None for date in texts.to_pylist()], dtype=bool)


def _seconds(date: str) -> int | None:
    """The unix seconds that a date says; None for none, and for 1970: Last.fm's unknown."""
    try:
        seconds = int(date) if date.isascii() and date.isdigit() else int(_moment(date).timestamp())
    except (ValueError, OverflowError):
        return None
    return seconds if are_seconds(seconds) else None


def _moment(date: str) -> datetime:
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        moment = datetime.strptime(date.replace(",", ""), "%d %b %Y %H:%M")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_json(file: SourceFile, user: str, set_aside: SetAside) -> Iterator[SourcePlay]:
    for name, line, value in read_records(file, set_aside, lambda _: True):
        for track, of in _tracks(value, user):
            play = _parsed(track, of)
            if isinstance(play, SourcePlay):
                set_aside.used += 1
                yield play
            else:
                set_aside.add(name, line, json.dumps(track, ensure_ascii=False), play)


def _tracks(value: Any, user: str) -> Iterator[tuple[Any, str]]:
    """The tracks in a value, and who listened: a page, or one track."""
    page = value.get("recenttracks", value) if isinstance(value, dict) else value
    tracks = page.get("track") if isinstance(page, dict) else None
    if isinstance(tracks, list | dict) and "artist" not in page:
        attributes = page.get("@attr")
        name = attributes.get("user") if isinstance(attributes, dict) else None
        of = listener_id(name) or user
        yield from ((track, of) for track in (tracks if isinstance(tracks, list) else [tracks]))
    else:
        yield page, user


def _parsed(track: Any, user: str) -> SourcePlay | str:
    """A play, or what was wanted."""
    if not isinstance(track, dict):
        return "a track with artist, name and date"
    artist, date = _text(track.get("artist"), "#text", "name"), _text(track.get("date"), "uts", "#text")
    title, mbid = _text(track.get("name"), "#text"), _text(track.get("mbid"), "#text")
    seconds = _seconds(date)
    if not (artist and title):
        return "a track with artist and name"
    if seconds is None:
        return f"{_WANTED_DATE}; what is playing now has none"
    if not 0 < len(user) <= LONGEST_ID:
        return "who listened, which --user NAME says"
    return SourcePlay(user, artist, title, str(seconds), mbids=(mbid,) if mbid else ())


def _text(value: Any, *keys: str) -> str:
    """`value`, or what it says under one of `keys`."""
    if isinstance(value, dict):
        value = next((value[key] for key in keys if value.get(key)), "")
    return str(value) if type(value) in (str, int) else ""
