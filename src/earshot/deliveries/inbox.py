"""`data/inbox/`: what waits there, and whether it is complete. Names and times tell; nothing is opened.

A delivery may lie there without a folder of its own, and is put into one: `cp -a delivery/* data/inbox/`
does that, and `cp -a delivery data/inbox/` where there is no inbox.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from earshot.deliveries.contents import MAX_PATH_BYTES, SUCCESS
from earshot.files import read_json, replace_json

INBOX = "data/inbox"

STANDS_SECONDS = 2.0
"""So long a folder that looks renamed into place must have stood."""
QUIET_SECONDS = 60.0
"""After so long without a change any folder counts as complete."""

_NAMED_PIECES = 5

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
    pieces
        Of a delivery that lies there without a folder of its own: the names in
        `folder`, the inbox, that belong to it.
    """

    folder: Path
    arrived: float | None
    fingerprint: str
    pieces: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called when it is spoken of."""
        if not self.pieces:
            return self.folder.name
        more = ", ..." if len(self.pieces) > _NAMED_PIECES else ""
        return f"{INBOX}/{{{', '.join(self.pieces[:_NAMED_PIECES])}{more}}}"


def make_inbox(root: Path) -> Path:
    """The inbox of the workspace `root`; what is copied to where there is no folder would lose its own."""
    (root / INBOX).mkdir(parents=True, exist_ok=True)
    return root / INBOX


def look(inbox: Path, now: float | None = None) -> list[Waiting]:
    """All of `inbox` by name, but for names that start with a dot; `now` is in Unix seconds.

    Files that lie there loose, and folders without a table of their own, may be
    the pieces of one delivery: they are complete together, and one delivery if
    there is a table among them.
    """
    moment = time.time() if now is None else now
    if not inbox.is_dir():
        return []
    loose = loose_pieces(inbox)
    names = sorted(path.name for path in inbox.iterdir() if not path.name.startswith("."))
    found = [waiting for name in names if name not in loose and (waiting := _look_at(inbox / name, moment))]
    if not loose:
        return found
    together = _look_at_pieces(inbox, loose, moment)
    if any(map(is_table, loose)):
        return [together, *found]
    alone = [Waiting(inbox / name, together.arrived, fingerprint(inbox / name)) for name in loose]
    return sorted([*found, *alone], key=lambda waiting: waiting.folder)


def _look_at(path: Path, moment: float) -> Waiting | None:
    status = _status(path)
    if status is None:
        return None
    return Waiting(path, _arrived(status, list(_walk(path, status)), moment), fingerprint(path))


def _look_at_pieces(inbox: Path, names: Sequence[str], moment: float) -> Waiting:
    """Nothing is renamed into place here: all of it must have stood still."""
    there = [(inbox / name, status) for name in names if (status := _status(inbox / name))]
    inside = [status for path, own in there for _, status in _walk(path, own)]
    last = max((status.st_ctime for status in [*inside, *(own for _, own in there)]), default=moment)
    quiet = STANDS_SECONDS if SUCCESS in names else QUIET_SECONDS
    arrived = last if moment - last >= quiet else None
    return Waiting(inbox, arrived, fingerprint(inbox, names), tuple(names))


def fingerprint(folder: Path, pieces: Sequence[str] = ()) -> str:
    """Hash of every name, size and time of change inside `folder`, or of these `pieces` of it alone.

    `""` where there is nothing.
    """
    if pieces:
        found = [(piece, fingerprint(folder / piece)) for piece in pieces]
        return blake2b(repr(found).encode(), digest_size=12).hexdigest()
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
    """Everything below `folder`; what vanishes meanwhile, cannot be listed or lies too deep is left out."""
    folders = [str(folder)] if stat.S_ISDIR(status.st_mode) else []
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                inside = entry.stat(follow_symlinks=False)
                name = os.path.relpath(entry.path, folder)
                yield name, inside
                # the same in every place: the system refuses the whole path, which hangs on where it lies
                if stat.S_ISDIR(inside.st_mode) and len(os.fsencode(name)) <= MAX_PATH_BYTES:
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


_TABLE = re.compile(r"(songs|plays|feedback).*\.(csv|parquet)", re.IGNORECASE | re.DOTALL)
_OF_A_DELIVERY = {SUCCESS, "delivery.json"}


def is_table(name: str) -> bool:
    """Whether a file of this name belongs at the top of a delivery, as its songs, plays or feedback."""
    return _TABLE.fullmatch(name) is not None


def loose_pieces(inbox: Path) -> list[str]:
    """Names in `inbox`, sorted: its files, and its folders that hold nothing by which to know a delivery.

    Nothing for names that start with a dot or are not UTF-8, and for links.
    """
    with suppress(OSError), os.scandir(inbox) as entries:
        return sorted(entry.name for entry in entries if _is_text(entry.name) and _is_loose(entry))
    return []


def _is_text(name: str) -> bool:
    with suppress(UnicodeEncodeError):
        return bool(name.encode()) and not name.startswith(".")
    return False


def _is_loose(entry: os.DirEntry[str]) -> bool:
    with suppress(OSError):
        if entry.is_file(follow_symlinks=False):
            return True
        if entry.is_dir(follow_symlinks=False):
            inside = os.listdir(entry.path)  # noqa: PTH208
            return not any(is_table(name) or name in _OF_A_DELIVERY for name in inside)
    return False


def gather(root: Path, inbox: Path, pieces: Sequence[str], arrived: float) -> Path:
    """Move the `pieces` of one delivery, complete since `arrived` (Unix seconds), into a folder; this."""
    name = _free_name(inbox, f"inbox-{datetime.fromtimestamp(arrived, UTC):%Y%m%d-%H%M%S}")
    replace_json(_plan(root), {"folder": name, "pieces": list(pieces)})
    finish_gathering(root, inbox)
    return inbox / name


def finish_gathering(root: Path, inbox: Path) -> None:
    """Move what `gather` planned, if there is a plan; a kill in between leaves it to the next call."""
    if not _plan(root).is_file():
        return
    plan = read_json(_plan(root))
    # hidden, or half of it would be taken in
    folder, hidden = inbox / plan["folder"], inbox / f".{plan['folder']}"
    if not folder.exists():
        hidden.mkdir(exist_ok=True)
        for name in plan["pieces"]:
            if (inbox / name).exists() and not (hidden / name).exists():
                _move(inbox / name, hidden / name)
        (hidden / SUCCESS).touch()  # complete: need not lie still first
        hidden.rename(folder)
    _plan(root).unlink()  # last: until then the next call goes on


def _move(piece: Path, place: Path) -> None:
    if piece.is_dir():
        with suppress(OSError):  # a folder that may not be written to cannot be moved
            piece.chmod(piece.stat().st_mode | stat.S_IRWXU)
    piece.rename(place)


def _free_name(inbox: Path, wanted: str) -> str:
    number, free = 2, wanted
    while (inbox / free).exists() or (inbox / f".{free}").exists():
        free, number = f"{wanted}-{number}", number + 1
    return free


def _plan(root: Path) -> Path:
    return root / ".earshot" / "gathering.json"
