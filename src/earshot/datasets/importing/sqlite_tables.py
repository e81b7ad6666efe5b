"""SQLite databases that somebody else wrote, only read (https://sqlite.org/security.html).

A view may give rows without end, or call what it likes: only tables that hold their rows are read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from pathlib import Path

from earshot.errors import UserError

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
