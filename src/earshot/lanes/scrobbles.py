"""What the journal gathered since the last time, as one delivery in `data/inbox/`.

`.earshot/scrobbles/delivered.json` says up to which byte of the journal. It is written before the delivery is
made, too: a kill in between leads to the same delivery again, which is known by its content.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from earshot.columns import AT, KIND, PLAYED_AT, SONG_ID, USER_ID
from earshot.deliveries.contents import SUCCESS
from earshot.deliveries.inbox import make_inbox
from earshot.errors import UserError
from earshot.files import read_json, replace_json, write_json
from earshot.lanes.journal import JOURNAL, PLAY, Mark, as_iso, opened, read_marks
from earshot.workspace import require_workspace

_FOLDER = JOURNAL.parent
_DELIVERED = _FOLDER / "delivered.json"


def deliver(root: Path) -> tuple[str, int] | None:
    """Make a delivery of what the journal gathered.

    Returns
    -------
    Its name in the inbox, and of how many plays and words about songs it is; None where there is nothing.

    Raises
    ------
    UserError
        No workspace; `delivered.json` is damaged.
    """
    require_workspace(root)
    if not (root / JOURNAL).is_file():
        return None
    with opened(root / _FOLDER):
        begin, end, done = _read_state(root)
        content = (root / JOURNAL).read_bytes()
        if done:
            begin, end = end, content.rfind(b"\n") + 1  # a line that is being written has no end
            _write_state(root, begin, end, False)
        marks = list(read_marks(content[begin:end]))
        name = f"scrobbles-{begin:012d}"
        if marks:
            _put(root, name, marks)
        _write_state(root, begin, end, True)
    return (name, len(marks)) if marks else None


def waiting(root: Path) -> bool:
    """Whether `deliver` would find something."""
    if not (root / JOURNAL).is_file():
        return False
    _, end, done = _read_state(root)
    return not done or (root / JOURNAL).stat().st_size > end


def _read_state(root: Path) -> tuple[int, int, bool]:
    path = root / _DELIVERED
    if not path.is_file():
        return 0, 0, True
    try:
        state = read_json(path)
        return int(state["begin"]), int(state["end"]), bool(state["done"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: {error}; wanted begin, end and done, of the last delivery") from None


def _write_state(root: Path, begin: int, end: int, done: bool) -> None:
    replace_json(root / _DELIVERED, {"begin": begin, "end": end, "done": done})


def _put(root: Path, name: str, marks: Sequence[Mark]) -> None:
    """Into the inbox, whole; the same one that lies there already stays."""
    inbox = make_inbox(root)
    beside = inbox / f".{name}"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    write_json(beside / "delivery.json", {"source": "scrobbles", "plays": "increment"})
    plays = [(mark.user, mark.song, as_iso(mark.time)) for mark in marks if mark.kind == PLAY]
    words = [(mark.user, mark.song, mark.kind, as_iso(mark.time)) for mark in marks if mark.kind != PLAY]
    _write(beside / "plays.csv", (USER_ID, SONG_ID, PLAYED_AT), plays)
    _write(beside / "feedback.csv", (USER_ID, SONG_ID, KIND, AT), words)
    (beside / SUCCESS).touch()
    if (inbox / name).exists():
        shutil.rmtree(beside)
    else:
        beside.rename(inbox / name)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table, where it has rows."""
    found = list(rows)
    if found:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([columns, *found])
