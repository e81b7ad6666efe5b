"""What the server keeps of a listener or a song: journal of plays, votes, playlists and keys.

Each is changed in place in one step, under the lock that its own writer takes.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from earshot.forgetting.searching import WantedId
from earshot.lanes.journal import JOURNAL, opened
from earshot.serve.keys import KeyStore
from earshot.serve.playlist_store import PLAYLISTS
from earshot.serve.votes import VOTES, hash_of

_WAIT_SECONDS = 30.0


def from_journal(root: Path, wanted: WantedId) -> int:
    """Lines of the journal of plays that went: blanks stand there, so that `delivered.json` stays true."""
    if not (root / JOURNAL).is_file():
        return 0
    lines = 0
    with opened((root / JOURNAL).parent) as descriptor, (root / JOURNAL).open("r+b") as file:
        place = 0
        for line in file.read().splitlines(keepends=True):
            if line.strip() and _is_of(line, wanted):
                os.pwrite(file.fileno(), b" " * len(line.rstrip(b"\n")), place)
                lines += 1
            place += len(line)
        os.fsync(descriptor)
    return lines


def _is_of(line: bytes, wanted: WantedId) -> bool:
    try:
        return bool(json.loads(line)[wanted.kind] == wanted.name)
    except (ValueError, TypeError, KeyError):  # cut short by a kill
        return wanted.is_long and wanted.name.encode() in line


def from_votes(root: Path, wanted: WantedId) -> int:
    """Votes on the lists of a listener, or by them, that went; no song is named there."""

    def remove(votes: sqlite3.Connection) -> int:
        key = votes.execute("select key from secret").fetchone()
        if key is None:
            return 0
        sha = hash_of(wanted.name, bytes(key[0]))
        return votes.execute("delete from votes where listener = ? or voter = ?", (sha, sha)).rowcount

    return _changed(root / VOTES, "votes", remove) if wanted.kind == "user" else 0


def from_playlists(root: Path, wanted: WantedId) -> int:
    """Playlists of a listener, or places of a song in playlists, that went."""

    def remove(store: sqlite3.Connection) -> int:
        if wanted.kind == "song":
            return store.execute("delete from songs where song = ?", (wanted.name,)).rowcount
        store.execute(
            "delete from songs where playlist in (select id from playlists where listener = ?)",
            (wanted.name,),
        )
        return store.execute("delete from playlists where listener = ?", (wanted.name,)).rowcount

    return _changed(root / PLAYLISTS, "playlists", remove)


def _changed(path: Path, table: str, change: Callable[[sqlite3.Connection], int]) -> int:
    """What `change` answers; nothing of what it removed stays in the file."""
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)) as connection:
        if connection.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone() is None:
            return 0
        connection.execute("begin immediate")
        rows = change(connection)
        connection.execute("commit")
        clean(connection)
    return rows


def clean(connection: sqlite3.Connection) -> None:
    """Write the file anew, without the pages and the log where removed rows still stand."""
    connection.execute("vacuum")
    connection.execute("pragma wal_checkpoint(truncate)")


def from_keys(root: Path, wanted: WantedId) -> int:
    """Keys of a listener that were revoked."""
    keys = KeyStore(root)
    names = [key.identity.name for key in keys.list() if key.identity.user_id == wanted.name]
    for name in names if wanted.kind == "user" else ():
        keys.revoke(name)
    return len(names) if wanted.kind == "user" else 0
