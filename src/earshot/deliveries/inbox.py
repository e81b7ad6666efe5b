"""`data/inbox/`: what waits there, and whether it is complete. Names and times tell; nothing is opened."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from earshot.deliveries.contents import SUCCESS

STANDS_SECONDS = 2.0
"""So long a folder that looks renamed into place must have stood."""
QUIET_SECONDS = 60.0
"""After so long without a change any folder counts as complete."""

Entry = tuple[str, os.stat_result]
"""Path inside a delivery, and its status; a link is not followed."""


@dataclass(frozen=True)
class Waiting:
    """What lies in the inbox under a name.

    Attributes
    ----------
    folder
        Its path; a link or a file is not a delivery, but lies there all the same.
    arrived
        When it was complete, Unix seconds; None while it is still being written.
    fingerprint
        Changes with every change inside it.
    """

    folder: Path
    arrived: float | None
    fingerprint: str


def look(inbox: Path, now: float | None = None) -> list[Waiting]:
    """All of `inbox` by name, but for names that start with a dot; `now` is in Unix seconds."""
    moment = time.time() if now is None else now
    if not inbox.is_dir():
        return []
    found = sorted(path for path in inbox.iterdir() if not path.name.startswith("."))
    with_status = [(path, status) for path in found if (status := _status(path)) is not None]
    return [
        Waiting(path, _arrived(status, list(_walk(path, status)), moment), fingerprint(path))
        for path, status in with_status
    ]


def fingerprint(folder: Path) -> str:
    """Hash of every name, size and time of change inside `folder`; `""` where there is nothing."""
    status = _status(folder)
    if status is None:
        return ""
    content = blake2b(str(stat.S_IFMT(status.st_mode)).encode(), digest_size=12)
    for name, inside in sorted(_walk(folder, status), key=lambda entry: entry[0]):
        content.update(os.fsencode(name))
        content.update(f"\0{inside.st_mode}:{inside.st_size}:{inside.st_ctime_ns}\0".encode())
    return content.hexdigest()


def _status(path: Path) -> os.stat_result | None:
    with suppress(OSError):
        return path.lstat()
    return None


def _walk(folder: Path, status: os.stat_result) -> Iterator[Entry]:
    """Everything below `folder`; what vanishes meanwhile or cannot be listed is left out."""
    folders = [str(folder)] if stat.S_ISDIR(status.st_mode) else []
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                inside = entry.stat(follow_symlinks=False)
                yield os.path.relpath(entry.path, folder), inside
                if stat.S_ISDIR(inside.st_mode):
                    folders.append(entry.path)


def _arrived(own: os.stat_result, inside: list[Entry], now: float) -> float | None:
    """When a folder was complete.

    A rename touches the folder last, and so do `mv` between volumes and `cp -a`;
    under `cp -r` there is always something inside that is younger.
    """
    marker = [status.st_ctime for name, status in inside if name == SUCCESS]
    if marker:
        return max(own.st_ctime, *marker)
    renamed = bool(inside) and all(_is_older(status, own) for _, status in inside)
    if renamed and now - own.st_ctime >= STANDS_SECONDS:
        return own.st_ctime
    last = max([own.st_ctime, *(status.st_ctime for _, status in inside)])
    return last if now - last >= QUIET_SECONDS else None


def _is_older(inside: os.stat_result, own: os.stat_result) -> bool:
    """Clocks tick in milliseconds; an empty file as old as its folder may have been opened just now."""
    just_opened = stat.S_ISREG(inside.st_mode) and inside.st_size == 0
    return inside.st_ctime_ns < own.st_ctime_ns or (inside.st_ctime_ns == own.st_ctime_ns and not just_opened)
