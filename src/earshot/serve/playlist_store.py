"""Playlists of listeners, kept in `.earshot/playlists.sqlite` (mode 0600)."""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from earshot.files import is_full
from earshot.serve.problems import Refused

PLAYLISTS = Path(".earshot", "playlists.sqlite")
MOST_PLAYLISTS, MOST_SONGS, _MOST_NAME = 1000, 10_000, 1000
_WAIT_SECONDS = 2.0
_SCHEMA = """
create table if not exists playlists (
  id text primary key, listener text not null, name text not null,
  created text not null, changed text not null
) without rowid;
create table if not exists songs (
  playlist text not null references playlists (id), place integer not null, song text not null,
  primary key (playlist, place)
) without rowid;
create index if not exists playlists_of on playlists (listener);
"""


@dataclass(frozen=True)
class Playlist:
    """One of a listener.

    Attributes
    ----------
    songs
        Their ids, in their order.
    created, changed
        ISO 8601, UTC.
    """

    id: str
    listener: str
    name: str
    created: str
    changed: str
    songs: tuple[str, ...]


class Playlists:
    """Those of the workspace `root`. Refused: 507 where the disk is full, 503 where the file fails."""

    def __init__(self, root: Path) -> None:
        self._path = root / PLAYLISTS

    def all(self, listener: str) -> list[Playlist]:
        """Of a listener, by name."""
        if not self._path.is_file():
            return []
        with self._open() as store:
            rows = store.execute(
                "select id, name, created, changed from playlists where listener = ? order by name, id",
                (listener,),
            ).fetchall()
            return [
                Playlist(which, listener, name, created, changed, _songs(store, which))
                for which, name, created, changed in rows
            ]

    def find(self, listener: str, which: str) -> Playlist | None:
        """One of a listener by its id; None for none, and for that of somebody else."""
        return next((each for each in self.all(listener) if each.id == which), None)

    def write(
        self, listener: str, which: str | None, name: str | None, songs: Sequence[str]
    ) -> Playlist | None:
        """Keep a new one, or other songs of one that is there.

        Parameters
        ----------
        which
            Its id; None: a new one.
        name
            None: it keeps its own.

        Returns
        -------
        As it is now; None where the listener has none of that id.

        Raises
        ------
        Refused
            400: too many, or too long.
        """
        if len(songs) > MOST_SONGS or len(name or "") > _MOST_NAME:
            raise Refused(
                400, "Too long", f"wanted {MOST_SONGS:,} songs and a name of {_MOST_NAME:,} letters"
            )
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        new = which or secrets.token_hex(8)
        with self._open() as store:
            store.execute("begin immediate")
            if which is None:
                _refuse_more(store, listener)
                store.execute("insert into playlists values (?, ?, ?, ?, ?)", (new, listener, name, now, now))
            elif not store.execute(
                "update playlists set changed = ?, name = coalesce(?, name) where id = ? and listener = ?",
                (now, name, which, listener),
            ).rowcount:
                return None
            store.execute("delete from songs where playlist = ?", (new,))
            store.executemany(
                "insert into songs values (?, ?, ?)", [(new, place, song) for place, song in enumerate(songs)]
            )
        return self.find(listener, new)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file, made where there is none; what is begun is kept at the end, or nothing of it."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)
            with closing(connection), connection:
                connection.execute("pragma journal_mode = wal")  # read while one is written
                connection.executescript(_SCHEMA)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise self._refused(error) from None

    def _refused(self, error: sqlite3.Error | OSError) -> Refused:
        full = getattr(error, "errno", None) == errno.ENOSPC
        full |= getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if full or is_full(self._path.parent):
            return Refused(507, "Disk full", "playlists are not kept: no room is left on the disk")
        return Refused(503, "Playlists cannot be kept", f"{PLAYLISTS}: {error}", {"Retry-After": "5"})


def _refuse_more(store: sqlite3.Connection, listener: str) -> None:
    (n,) = store.execute("select count(*) from playlists where listener = ?", (listener,)).fetchone()
    if n >= MOST_PLAYLISTS:
        raise Refused(400, "Too many", f"wanted at most {MOST_PLAYLISTS:,} playlists of a listener")


def _songs(store: sqlite3.Connection, playlist: str) -> tuple[str, ...]:
    found = store.execute("select song from songs where playlist = ? order by place", (playlist,))
    return tuple(song for (song,) in found)
