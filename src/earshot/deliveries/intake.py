"""The inbox emptied: what is complete is taken in, what cannot be used is put aside with the reason.

A delivery leaves the inbox after it was taken in. Killed in between, it is found
again, known by its content, and only removed. What can be neither taken in nor put
aside (no room, no permission) is tried again after a growing pause; the others go on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from earshot.deliveries.attempts import keep_attempts, note_attempt, note_failure, read_attempts
from earshot.deliveries.check import RefusedDelivery
from earshot.deliveries.inbox import Waiting, fingerprint, finish_gathering, gather, look, make_inbox
from earshot.deliveries.ingest import Mistake, Say, alone, ingest
from earshot.deliveries.rejecting import REJECTED, Rejection, readable, reject, remove_tree
from earshot.errors import UserError
from earshot.workspace import require_workspace

_TAKEN = ".taken-"


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


def take_in(root: Path, say: Say, due_only: bool = False) -> Intake:
    """Take in every complete delivery of the inbox, the first to arrive first.

    What failed before comes last; with `due_only` it is left alone until its pause is over.
    """
    require_workspace(root)
    intake = Intake()
    with alone(root, "inbox", say):
        inbox = make_inbox(root)
        _tidy(root, inbox, say)
        found = look(inbox)
        for waiting in found:
            if waiting.arrived is None:
                say(f"{waiting.name}: still being written; it waits")
        for waiting in _complete(root, found):
            attempts = read_attempts(root).get(waiting.fingerprint)
            if due_only and attempts and not attempts.is_due:
                say(f"{waiting.name}: {attempts}")
            else:
                note_attempt(root, waiting.fingerprint)  # first: one that kills the process counts too
                _take(root, waiting, intake, say)
        if read_attempts(root):
            keep_attempts(root, [waiting.fingerprint for waiting in look(inbox)])
    return intake


def _complete(root: Path, found: list[Waiting]) -> list[Waiting]:
    attempts = read_attempts(root)

    def turn(waiting: Waiting) -> tuple[int, float]:
        tried = attempts.get(waiting.fingerprint)
        return tried.count if tried else 0, waiting.arrived or 0.0

    return sorted((waiting for waiting in found if waiting.arrived is not None), key=turn)


def _tidy(root: Path, inbox: Path, say: Say) -> None:
    """Finish what a kill left half done."""
    for left in list(inbox.glob(f"{_TAKEN}*")):
        _delete(left, say)
    try:
        finish_gathering(root, inbox)
    except OSError as error:
        say(f"{inbox}: loose files cannot be put into a folder: {error}")


def _take(root: Path, waiting: Waiting, intake: Intake, say: Say) -> None:
    try:
        if waiting.pieces:
            say(f"{waiting.name}: lie there without a folder; they get one")
            waiting = _gathered(root, waiting)
        if waiting.folder.is_symlink():
            raise RefusedDelivery(f"{waiting.folder}: a link; wanted a folder")
        ingested = ingest(waiting.folder, root, say, waiting.arrived)
        intake.taken.append(ingested.name)
        say(f"{ingested.name}: {'taken in' if ingested.new else 'already there'}")
        _remove(waiting, say)
    except (UserError, OSError, MemoryError) as error:
        _leave_out(root, waiting, error, intake, say)
    except Exception as error:
        _leave_out(root, waiting, Mistake(waiting.folder, error), intake, say)


def _gathered(root: Path, waiting: Waiting) -> Waiting:
    folder = gather(root, waiting.folder, waiting.pieces, waiting.arrived or 0.0)
    found = replace(waiting, folder=folder, fingerprint=fingerprint(folder), pieces=())
    note_attempt(root, found.fingerprint)
    return found


def _leave_out(root: Path, waiting: Waiting, error: Exception, intake: Intake, say: Say) -> None:
    if fingerprint(waiting.folder, waiting.pieces) != waiting.fingerprint:
        say(f"{waiting.name}: changed while it was read; it waits")
        return
    if isinstance(error, RefusedDelivery | Mistake) and not waiting.pieces:
        try:
            intake.rejected.append(reject(root, waiting.folder, error, say))
            return
        except Exception as immovable:
            error = UserError(f"{error}; and it cannot be moved to {REJECTED}: {immovable}")
    attempts = note_failure(root, waiting.fingerprint, readable(str(error)))
    say(f"{waiting.name}: {attempts}")
    intake.failed.append(str(error))


def _remove(waiting: Waiting, say: Say) -> None:
    """Hidden first, so that a removal that is cut short leaves no half delivery to be found."""
    aside = waiting.folder.with_name(f"{_TAKEN}{waiting.fingerprint}")
    waiting.folder.rename(aside)
    if fingerprint(aside) != waiting.fingerprint:
        aside.rename(waiting.folder)
        say(f"{waiting.folder.name}: something was added after it was read; it stays in the inbox")
        return
    _delete(aside, say)


def _delete(folder: Path, say: Say) -> None:
    """What somebody else owns stays, hidden."""
    try:
        remove_tree(folder)
    except OSError as error:
        say(f"{folder}: taken in, but cannot be removed: {error.strerror}; remove it by hand")
