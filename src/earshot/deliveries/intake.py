"""The inbox emptied: what is complete is taken in, what cannot be used is put aside with the reason.

A delivery leaves the inbox after it was taken in. Killed in between, it is found
again, known by its content, and only removed.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from earshot.alerts import alert
from earshot.deliveries.check import Refused
from earshot.deliveries.inbox import Waiting, fingerprint, look
from earshot.deliveries.index import read_description
from earshot.deliveries.ingest import Say, alone, fit_name, ingest
from earshot.errors import UserError
from earshot.files import read_json, replace_json

INBOX, REJECTED = "data/inbox", "data/rejected"
_REASON = ".reason.json"


@dataclass(frozen=True)
class Rejection:
    """A delivery in data/rejected/, and why it lies there."""

    delivery: str
    error: str
    rejected: str
    source: str


@dataclass
class Intake:
    """What became of the inbox.

    Attributes
    ----------
    taken
        Names in data/deliveries/; those of content that was there before too.
    rejected
        What was put aside.
    failed
        Messages about what stays in the inbox though it is complete: no room, no permission.
    """

    taken: list[str] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def take_in(root: Path, say: Say) -> Intake:
    """Take in every complete delivery of the inbox, the first to arrive first."""
    intake = Intake()
    with alone(root / ".earshot" / "locks" / "inbox", say):
        for left in (root / INBOX).glob(".taken-*"):
            _delete(left, say)
        found = look(root / INBOX)
        for waiting in found:
            if waiting.arrived is None:
                say(f"{waiting.folder.name}: still being written; it waits")
        complete = [waiting for waiting in found if waiting.arrived is not None]
        for waiting in sorted(complete, key=lambda each: each.arrived or 0.0):
            _take(root, waiting, intake, say)
    return intake


def _take(root: Path, waiting: Waiting, intake: Intake, say: Say) -> None:
    try:
        if waiting.folder.is_symlink():
            raise Refused(f"{waiting.folder}: a link; wanted a folder")
        ingested = ingest(waiting.folder, root, say, waiting.arrived)
        intake.taken.append(ingested.name)
        say(f"{ingested.name}: {'taken in' if ingested.new else 'already there'}")
        _remove(waiting, say)
    except (UserError, OSError) as error:
        _leave_out(root, waiting, error, intake, say)


def _leave_out(root: Path, waiting: Waiting, error: Exception, intake: Intake, say: Say) -> None:
    name = waiting.folder.name
    if fingerprint(waiting.folder) != waiting.fingerprint:
        say(f"{name}: changed while it was read; it waits")
        return
    if isinstance(error, Refused):
        try:
            intake.rejected.append(_reject(root, waiting.folder, str(error), say))
            return
        except OSError as immovable:
            error = UserError(f"{error}; and it cannot be moved to {REJECTED}: {immovable.strerror}")
    say(f"{name}: stays in the inbox: {error}")
    intake.failed.append(str(error))


def _remove(waiting: Waiting, say: Say) -> None:
    """Hidden first, so that a removal that is cut short leaves no half delivery to be found."""
    aside = waiting.folder.with_name(f".taken-{waiting.fingerprint}")
    waiting.folder.rename(aside)
    if fingerprint(aside) != waiting.fingerprint:
        aside.rename(waiting.folder)
        say(f"{waiting.folder.name}: something was added after it was read; it stays in the inbox")
        return
    _delete(aside, say)


def _delete(folder: Path, say: Say) -> None:
    """Read-only folders too; what somebody else owns stays, hidden."""
    for inside, _, _ in os.walk(folder):
        with suppress(OSError):
            Path(inside).chmod(stat.S_IRWXU)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        say(f"{folder}: taken in, but cannot be removed: {error.strerror}; remove it by hand")


def _reject(root: Path, folder: Path, error: str, say: Say) -> Rejection:
    """Move what lies in the inbox to data/rejected/, the reason beside it."""
    rejected = root / REJECTED
    rejected.mkdir(parents=True, exist_ok=True)
    place = _free_place(rejected, fit_name(folder.name))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rejection = Rejection(place.name, _readable(error), now, _source(folder))
    replace_json(rejected / f"{place.name}{_REASON}", rejection.__dict__)
    if folder.is_dir() and not folder.is_symlink():
        with suppress(OSError):  # a folder that may not be written to cannot be moved
            folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
    folder.rename(place)
    say(f"{place.name}: rejected: {rejection.error}")
    alert(root, "delivery rejected", f"{place.name}: {rejection.error}")
    return rejection


def _free_place(rejected: Path, name: str) -> Path:
    number, free = 2, name
    while os.path.lexists(rejected / free) or free.endswith(_REASON):
        free, number = f"{name}-{number}", number + 1
    return rejected / free


def _source(folder: Path) -> str:
    """Who delivers, where the delivery says so legibly."""
    description = folder / "delivery.json"
    with suppress(OSError, UserError):
        if not folder.is_symlink() and stat.S_ISREG(description.lstat().st_mode):
            return _readable(read_description(folder)[0])
    return ""


def _readable(text: str) -> str:
    """Without halves of characters, which names of files may hold and JSON may not."""
    return re.sub(r"[\ud800-\udfff]", "?", text)


def rejections(root: Path) -> list[Rejection]:
    """What lies in data/rejected/ now, by name."""
    reasons = sorted((root / REJECTED).glob(f"*{_REASON}"))
    there = [path for path in reasons if os.path.lexists(path.with_name(path.name.removesuffix(_REASON)))]
    return [Rejection(**read_json(path)) for path in there]
