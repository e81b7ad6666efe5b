"""Folders with logs, notes and half-done work, and deliveries that wait or were rejected.

Rows are dropped out of tables, `(forgotten)` takes the id's place in texts and databases, and a file of any
other kind goes.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from earshot.deliveries.dropping import drop_rows
from earshot.errors import UserError
from earshot.files import replace_bytes
from earshot.forgetting.searching import INSTEAD, SQLITE, WantedId, file_holds, holds, table_names
from earshot.forgetting.stores import clean

REMADE = ("work", "tmp", "failed", "forgetting", "import", "probes", "brought", "shared")
"""Folders of .earshot that hold what runs have begun or left: made again where it is wanted."""
_JOURNALS = ("-wal", "-shm", "-journal")
_WAIT_SECONDS = 30.0


def dagster_home(root: Path) -> Path:
    """Where Dagster keeps runs and events."""
    return Path(os.environ.get("DAGSTER_HOME") or root / ".dagster")


def offline_runs(root: Path) -> list[Path]:
    """Folders of W&B's runs."""
    folder = Path(os.environ.get("WANDB_DIR") or root / ".earshot") / "wandb"
    return sorted(folder.glob("*run-*"))


def from_waiting(folder: Path, wanted: WantedId) -> int:
    """How many files of deliveries in `folder`, the inbox or what was rejected, were changed or went."""

    changed = 0
    for place in [
        folder,
        *sorted(path for path in folder.glob("*") if path.is_dir() and not path.is_symlink()),
    ]:
        if not any(file_holds(path, wanted) for path in _files(place)):
            continue
        with suppress(UserError, ValueError, OSError):  # what cannot be read so is looked at as text below
            dropped = drop_rows(place, wanted.among)
            changed += bool(dropped.rows)
            for sound in dropped.sounds:
                (place / sound).unlink(missing_ok=True)
    return changed + sweep(folder, wanted)


def from_work(root: Path, wanted: WantedId) -> int:
    """Pieces of half-done work in .earshot that hold the id, each with all that was made beside it."""
    pieces = 0
    for name in REMADE:
        for piece in sorted((root / ".earshot" / name).glob("*")):
            if any(wanted.name in path.name or file_holds(path, wanted) for path in _files(piece)):
                shutil.rmtree(piece) if piece.is_dir() else piece.unlink()
                pieces += 1
    return pieces


def from_runs(root: Path, wanted: WantedId) -> list[Path]:
    """The runs of W&B kept here that hold the id, which went whole: their log is not to be edited."""
    found = [run for run in offline_runs(root) if any(file_holds(path, wanted) for path in _files(run))]
    for run in found:
        shutil.rmtree(run)
    return found


def sweep(folder: Path, wanted: WantedId) -> int:
    """How many files below `folder` held the id, and hold it no more."""
    changed = 0
    for path in _files(folder):
        if path.name.endswith(_JOURNALS) and path.with_name(path.name.rpartition("-")[0]).is_file():
            continue  # goes with its database
        if _is_database(path):
            changed += _from_database(path, wanted)
        elif file_holds(path, wanted):
            _from_file(path, wanted)
            changed += 1
        elif wanted.is_long and wanted.name in path.name:
            path.unlink()
            changed += 1
    return changed


def _files(folder: Path) -> Iterator[Path]:
    found = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    return (path for path in found if path.is_file() and not path.is_symlink())


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def _from_file(path: Path, wanted: WantedId) -> None:
    content = path.read_bytes()
    if b"\0" not in content:
        text = content.decode("utf-8", "surrogateescape")
        new = wanted.replaced(text).encode("utf-8", "surrogateescape")
        mode = path.stat().st_mode
        if new != content:
            replace_bytes(path, new)
            path.chmod(mode)
            if not file_holds(path, wanted):
                return
    path.unlink()


def _from_database(path: Path, wanted: WantedId) -> int:
    """Whether the database at `path` held it, as 0 or 1; of a packed value that does the row goes.

    Rows that were removed before may stand there still: then it is written anew.
    """
    name = wanted.name.encode("utf-8", "surrogatepass")
    files = [path, *(path.with_name(path.name + end) for end in _JOURNALS)]
    stale = wanted.is_long and any(name in each.read_bytes() for each in files if each.is_file())
    with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
        try:
            before = connection.total_changes
            connection.execute("begin immediate")
            for table in table_names(connection):
                _from_table(connection, table, wanted)
            connection.execute("commit")
            stale |= connection.total_changes > before
            if stale:
                clean(connection)
        except sqlite3.DatabaseError as error:
            raise UserError(f"{path}: cannot be searched ({error}); wanted: nobody else writing it") from None
        return int(stale)


def _from_table(connection: sqlite3.Connection, table: str, wanted: WantedId) -> None:
    columns = [
        '"{}"'.format(row[1].replace('"', '""')) for row in connection.execute(f"pragma table_info({table})")
    ]
    for column in columns:
        values = {
            value
            for (value,) in connection.execute(f"select distinct {column} from {table}")
            if (isinstance(value, str) and (wanted.is_cell(value) or wanted.words.search(value)))
            or (isinstance(value, bytes) and holds(value, wanted))
        }
        for value in values:
            if isinstance(value, str):
                new = INSTEAD if value == wanted.name else wanted.replaced(value)
                connection.execute(
                    f"update or replace {table} set {column} = ? where {column} = ?", (new, value)
                )
            else:
                connection.execute(f"delete from {table} where {column} = ?", (value,))
