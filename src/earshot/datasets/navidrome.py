"""Navidrome: what the listeners of a music server have played, matched to songs of yours.

Source
    The server's `navidrome.db` (SQLite), which is only read.
Licence
    Yours.
Format
    Of https://github.com/navidrome/navidrome/tree/master/db/migrations: `annotation` holds how often each
    user has played each `media_file`, newer versions' `scrobbles` when. A play that is in `annotation`
    alone has no time. Everything so far: a delivery of totals.

    `media_file.path` is relative to the path of its `library`, in older versions absolute.
Matching
    As `earshot.datasets.matching` says: by recording MBID, by path, where the songs are of
    `earshot import folder` on the same folder, else by artist and title.

Of the database only tables that hold their rows are read: a view may give rows without end, or call what
it likes (https://sqlite.org/security.html).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from earshot.columns import PLAY_COUNT, PLAYED_AT
from earshot.datasets.importing.drafts import SetAside, new_delivery
from earshot.datasets.importing.names import plain
from earshot.datasets.matching import WANTED_SECONDS, MatchedImport, SourcePlay, are_seconds, write_matched
from earshot.errors import UserError

_COLUMNS = {"user": {"id", "user_name"}, "media_file": {"id", "path", "artist", "title"}}
_COUNTS = {"annotation": {"user_id", "item_id", "item_type", "play_count"}}
_TIMES = {"scrobbles": {"user_id", "media_file_id", "submission_time"}}
_TABLES = (*_COLUMNS, *_COUNTS, *_TIMES, "library")
_LONGEST = 1_000
"""Characters of a name: a play has them all beside it while it is sorted."""


def import_navidrome(database: Path, output: Path, *, songs: Path) -> MatchedImport:
    """Write the plays of `songs` as the delivery `output`.

    Parameters
    ----------
    database
        `navidrome.db`.
    songs
        The delivery whose songs they are matched to.

    Raises
    ------
    UserError
        No such file; no database of Navidrome's; no songs; no play of any of them.
    """
    if not database.is_file():
        raise UserError(f"{database}: no such file; wanted navidrome.db")
    with new_delivery(output, "navidrome", "total") as draft:
        try:
            with closing(open_tables(database, _TABLES)) as opened:
                plays = _plays(opened, database, draft.set_aside)
                return write_matched(plays, draft, songs, columns=(PLAY_COUNT, PLAYED_AT))
        except sqlite3.Error as error:
            raise UserError(f"{database}: not readable as a database of Navidrome: {error}") from None


def _plays(opened: sqlite3.Connection, database: Path, set_aside: SetAside) -> Iterator[SourcePlay]:
    for table, wanted in (_COLUMNS | _COUNTS).items():
        if missing := wanted - _columns(opened, table):
            raise UserError(f"{database}: wanted a table {table} with {', '.join(sorted(missing))}")
    _refuse_repeated(opened, database)
    timed = _TIMES["scrobbles"] <= _columns(opened, "scrobbles")
    for user, artist, title, mbid, path, time, count in opened.execute(_query(opened, timed)):
        known = "" if time is None else str(time)
        if type(count) is not int or count < 1:
            set_aside.add(database.name, None, f"play_count={count}", "a whole number from 1")
        elif known and not are_seconds(time):
            set_aside.add(database.name, None, f"submission_time={known}", WANTED_SECONDS)
        else:
            set_aside.used += 1
            mbids = (str(mbid),) if mbid else ()
            yield SourcePlay(plain(str(user)), str(artist), str(title), known, count, mbids, str(path))


def _refuse_repeated(opened: sqlite3.Connection, database: Path) -> None:
    """Of ids that are there twice every play would come twice: of many, without end."""
    for table in _COLUMNS.keys() | {"library"}:
        if "id" in _columns(opened, table):
            repeated = f'SELECT id FROM "{table}" GROUP BY id HAVING count(*) > 1'
            for (identity,) in opened.execute(repeated):
                raise UserError(f"{database}: table {table}: id={str(identity)[:80]!r}: wanted each once")


def _columns(opened: sqlite3.Connection, table: str) -> set[str]:
    return {name for _, name, *_ in opened.execute(f"PRAGMA table_info({table})")}


def _query(opened: sqlite3.Connection, timed: bool) -> str:
    """Rows of listener, artist, title, MBID, path, time and count; songs that are gone have no names."""
    counted = (
        "SELECT user_id, item_id AS song, NULL AS time, play_count AS n FROM annotation "
        "WHERE item_type = 'media_file' AND play_count <> 0"
    )
    if timed:
        scrobbles = "SELECT user_id, media_file_id AS song, submission_time AS time, 1 AS n FROM scrobbles"
        counted = (
            # each scrobble once, and what is counted beyond them without a time
            f"{scrobbles} UNION ALL "
            f"SELECT c.user_id, c.song, NULL, c.n - coalesce(s.n, 0) FROM ({counted}) c "
            f"LEFT JOIN (SELECT user_id, song, count(*) AS n FROM ({scrobbles}) GROUP BY 1, 2) s "
            "ON s.user_id = c.user_id AND s.song = c.song WHERE c.n > coalesce(s.n, 0)"
        )
    there = _columns(opened, "media_file")
    mbid = next((name for name in ("mbz_recording_id", "mbz_track_id") if name in there), "NULL")
    path, libraries = "m.path", ""
    if "library_id" in there and "path" in _columns(opened, "library"):
        libraries = "LEFT JOIN library l ON l.id = m.library_id"
        # absolute paths of older versions lose the path of the library
        inside = "substr(m.path, 1, length(rtrim(l.path, '/')) + 1) = rtrim(l.path, '/') || '/'"
        path = f"CASE WHEN {inside} THEN substr(m.path, length(rtrim(l.path, '/')) + 2) ELSE m.path END"
    return (
        f"SELECT substr(coalesce(nullif(u.user_name, ''), p.user_id), 1, {_LONGEST}), "
        f"substr(coalesce(m.artist, ''), 1, {_LONGEST}), substr(coalesce(m.title, ''), 1, {_LONGEST}), "
        f"{'NULL' if mbid == 'NULL' else f'substr(m.{mbid}, 1, {_LONGEST})'}, "
        f"substr(coalesce({path}, ''), 1, 4096), p.time, p.n FROM ({counted}) p "
        f"LEFT JOIN user u ON u.id = p.user_id LEFT JOIN media_file m ON m.id = p.song {libraries} "
        "ORDER BY 1, p.song, p.time"
    )


_LONGEST_BYTES = 16 << 20
"""Of a row."""


def open_tables(path: Path, tables: Collection[str]) -> sqlite3.Connection:
    """The database, text that is not UTF-8 with replacements, of which `tables` will be read.

    Raises
    ------
    UserError
        One of `tables` is a view, or not SQLite's own.
    sqlite3.Error
        No such database.
    """
    # Without a write-ahead log nothing may change it: SQLite would put files beside it otherwise.
    log = path.with_name(path.name + "-wal")
    mode = "mode=ro" if log.is_file() and log.stat().st_size else "mode=ro&immutable=1"
    opened = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)
    try:
        opened.text_factory = lambda text: text.decode(errors="replace")
        opened.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_BYTES)
        opened.execute("PRAGMA trusted_schema = OFF")
        for name, kind, made in opened.execute("SELECT lower(name), type, sql FROM sqlite_master"):
            if name in tables and (kind == "view" or "virtual" in str(made).lower().split()[:2]):
                raise UserError(f"{path}: {name} is a view or a virtual table; wanted a table")
    except BaseException:
        opened.close()
        raise
    return opened
