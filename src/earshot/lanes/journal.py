"""What listeners do in their players, as it comes in: `.earshot/scrobbles/journal.jsonl` (mode 0600).

Lines are added at the end and never changed. What has become of them is in `earshot.lanes.scrobbles`: a
delivery for every play would make everything anew each time.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from earshot.catalogue.play_rows import AN_ID, LONGEST_ID, NOT_IN_ID

JOURNAL = Path(".earshot", "scrobbles", "journal.jsonl")
MOST_AN_HOUR = 1000
_HOUR = 3600.0

Kind = Literal["play", "like", "unlike", "dislike", "skip", "exclude"]
PLAY: Kind = "play"


@dataclass(frozen=True)
class Mark:
    """Something that a listener did.

    Attributes
    ----------
    kind
        `play`, or a kind of feedback as deliveries have it.
    time
        When, Unix milliseconds.
    """

    user: str
    song: str
    kind: str
    time: int


class Unkept(Exception):
    """Why marks were not written; none of them was.

    Attributes
    ----------
    status
        Of HTTP: 422 for an id that no delivery can hold, 429 too many, 507 for want of room, 503 otherwise.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Journal:
    """The journal of the workspace `root`, read when it is first asked; one process writes it, the server.

    Parameters
    ----------
    clock
        Unix seconds, for how many come within an hour.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = root / JOURNAL, clock
        self._lock = threading.Lock()
        self._plays: set[tuple[str, str, int]] | None = None
        self._feelings: dict[str, dict[str, Mark]] = {}  # by user and song: the last that was said
        self._accepted: dict[str, deque[float]] = {}

    def add(self, key: str, marks: Sequence[Mark]) -> int:
        """Write marks, and have them on the disk; those that are there already are left out.

        A play is there already where that of its user, song and time is; feedback where the user has said
        the same of the song last.

        Parameters
        ----------
        key
            Who sends them: of each, `MOST_AN_HOUR` are written within an hour.

        Returns
        -------
        How many were written.

        Raises
        ------
        Unkept
            None was.
        """
        _refuse_ids(marks)
        with self._lock:
            plays = self._load()
            new = [mark for mark in dict.fromkeys(marks) if not self._is_there(plays, mark)]
            accepted = self._lately(key)
            if len(accepted) + len(new) > MOST_AN_HOUR:
                raise Unkept(429, f"more than {MOST_AN_HOUR:,} plays and stars of this key within an hour")
            if new:
                self._write(new)
            for mark in new:
                self._note(plays, mark)
                accepted.append(self._clock())
        return len(new)

    def liked(self, user: str) -> dict[str, str]:
        """Songs that a listener likes, with when he or she said so (ISO 8601, UTC)."""
        with self._lock:
            self._load()
            marks = list(self._feelings.get(user, {}).values())
        return {mark.song: as_iso(mark.time) for mark in marks if mark.kind == "like"}

    def _load(self) -> set[tuple[str, str, int]]:
        if self._plays is None:
            plays: set[tuple[str, str, int]] = set()
            content = self._path.read_bytes() if self._path.is_file() else b""
            for mark in read_marks(content):
                self._note(plays, mark)
            self._plays = plays
        return self._plays

    def _is_there(self, plays: set[tuple[str, str, int]], mark: Mark) -> bool:
        if mark.kind == PLAY:
            return (mark.user, mark.song, mark.time) in plays
        said = self._feelings.get(mark.user, {}).get(mark.song)
        return mark.kind == ("unlike" if said is None else said.kind)

    def _note(self, plays: set[tuple[str, str, int]], mark: Mark) -> None:
        if mark.kind == PLAY:
            plays.add((mark.user, mark.song, mark.time))
        else:
            self._feelings.setdefault(mark.user, {})[mark.song] = mark

    def _lately(self, key: str) -> deque[float]:
        found = self._accepted.setdefault(key, deque())
        while found and found[0] <= self._clock() - _HOUR:
            found.popleft()
        return found

    def _write(self, marks: Sequence[Mark]) -> None:
        lines = b"".join(json.dumps(asdict(mark)).encode() + b"\n" for mark in marks)
        try:
            with opened(self._path.parent) as descriptor:
                end = os.lseek(descriptor, 0, os.SEEK_END)
                cut_short = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"  # by a kill
                try:
                    _write_all(descriptor, b"\n" * cut_short + lines)
                    os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, end)
                    raise
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            told = "no room is left on the disk" if full else str(error.strerror)
            raise Unkept(507 if full else 503, f"the journal of plays cannot be written: {told}") from None


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """The journal in `folder`, made where there is none, for one process at a time."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / JOURNAL.name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def read_marks(content: bytes) -> Iterator[Mark]:
    """The marks of lines of a journal; what is none, as of a line that a kill cut short, is passed over."""
    for line in content.splitlines():
        with suppress(ValueError, TypeError, KeyError):
            found = json.loads(line)
            mark = Mark(*(found[name] for name in ("user", "song", "kind", "time")))
            if mark.kind in get_args(Kind) and isinstance(mark.time, int):
                yield mark


def as_iso(moment: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC, to the second.

    >>> as_iso(946684800999)
    '2000-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(moment // 1000, UTC).isoformat().replace("+00:00", "Z")


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _refuse_ids(marks: Iterable[Mark]) -> None:
    for mark in marks:
        for text in (mark.user, mark.song):
            if not 0 < len(text) <= LONGEST_ID or re.search(NOT_IN_ID, text):
                raise Unkept(422, f"{text[:100]!r}: wanted {AN_ID}")
