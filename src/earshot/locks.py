"""Locks of our own: `flock` on a file or folder, which falls with the process that holds it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Taken(Exception):
    """Another process holds the lock.

    Attributes
    ----------
    holder
        What it has noted: its PID unless it said otherwise; `""` of a folder.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


def take(path: Path, note: str | None = None) -> int:
    """Take the lock `path`, a file made where there is none, or a folder that is there.

    Parameters
    ----------
    note
        What stands in the file for others to read; by default the PID.

    Returns
    -------
    A descriptor: the lock is held until it is closed or the process ends.

    Raises
    ------
    Taken
        Another process holds it.
    """
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = "" if path.is_dir() else path.read_text(encoding="utf-8").strip()
        os.close(descriptor)
        raise Taken(holder) from None
    _note(descriptor, path, note)
    return descriptor


@contextmanager
def holding(path: Path, wait: Callable[[str], object] | None = None) -> Iterator[None]:
    """Hold the lock `path`, as `take` does.

    Parameters
    ----------
    wait
        Told once who holds it, where another process does, and then waited for; without it
        that is `Taken`.
    """
    try:
        descriptor = take(path)
    except Taken as taken:
        if wait is None:
            raise
        wait(taken.holder)
        descriptor = _open(path)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _note(descriptor, path, None)
    try:
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    if path.is_dir():
        return os.open(path, os.O_RDONLY)
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)  # not truncated: the holder's note may stand in it


def _note(descriptor: int, path: Path, note: str | None) -> None:
    if not path.is_dir():
        os.ftruncate(descriptor, 0)
        os.write(descriptor, (str(os.getpid()) if note is None else note).encode())
