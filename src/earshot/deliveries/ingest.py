"""Taking a delivery in: whole or not at all, whenever it is interrupted.

A delivery is copied beside its place, named in `pending.json`, renamed into place,
added to DVC, and last of all listed in index.csv, which is what stages read. An
ingest that fails takes all of it back. One that is killed leaves a `pending.json`, or a
copy that nothing names; the next one, of anything, finishes the first and removes the second.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception

from earshot import terminal
from earshot.deliveries.arrivals import forget_arrival, note_arrival
from earshot.deliveries.check import RefusedDelivery, check
from earshot.deliveries.contents import list_files
from earshot.deliveries.copying import copy_files
from earshot.deliveries.dropping import drop_forgotten
from earshot.deliveries.inbox import make_inbox
from earshot.deliveries.index import INDEX_HEADER, WITHDRAWALS, index_line, read_lines
from earshot.deliveries.quality import check_plays, check_sound, check_vectors
from earshot.errors import UserError
from earshot.files import read_json, replace_json, replace_text
from earshot.forgotten import FORGOTTEN
from earshot.locks import holding
from earshot.params import load_params
from earshot.versioning import add_folder, file_md5, folder_md5, ignored_files, writing
from earshot.workspace import require_workspace

Say = Callable[[str], object]

_NAME_BYTES = 180
_SHOWN_LETTERS = 500
_NO_DELIVERIES = ("data/deliveries", ".earshot", ".dvc", ".git")


class Mistake(UserError):
    """A mistake in earshot, met while a delivery was taken in; `traceback` says where it is."""

    def __init__(self, folder: Path, error: Exception) -> None:
        cause = f"{type(error).__name__}: {error}"[:_SHOWN_LETTERS]
        super().__init__(
            f"{folder}: not taken in for a mistake in earshot, not in the delivery: {cause}; "
            "deliver it again after an update"
        )
        self.traceback = "".join(format_exception(error))


@dataclass(frozen=True)
class Ingested:
    """What became of a delivery.

    Attributes
    ----------
    name
        Of its folder in `data/deliveries/`.
    md5
        DVC's hash of that folder.
    new
        False if the same content had been taken in before; then nothing was done.
    """

    name: str
    md5: str
    new: bool


def ingest(folder: Path, root: Path, say: Say = terminal.say, arrived: float | None = None) -> Ingested:
    """Check the delivery `folder`, copy it into `root`/data/deliveries/, add it to DVC and to the index.

    The source is not touched. The name of the folder becomes the delivery's, with
    `-2`, `-3` ... if other content has it. Waits, and says so, while another ingest
    runs or a stage reads the index. It is noted when the delivery arrived: at
    `arrived` (Unix seconds), by default now. Whatever goes wrong, nothing of it stays.

    Raises
    ------
    Refused
        The delivery is no good: whatever `check` and the checks of `quality` refuse; a name that
        DVC leaves out; a folder that is, holds or belongs to the workspace.
    Mistake
        An error that nobody has thought of; its traceback is in .earshot/failed/ingest.txt.
    UserError
        What is not the delivery's fault: no workspace, wrong params.yaml, no room, no
        permission; a source that changes while it is read.
    """
    require_workspace(root)
    try:
        return _ingest(folder, root.resolve(), say, time.time() if arrived is None else arrived)
    except UserError:
        raise
    except (OSError, MemoryError, ImportError) as error:  # the last while earshot is being updated
        raise UserError(f"{folder}: not taken in: {str(error) or 'not enough memory'}") from error
    except Exception as error:
        mistake = Mistake(folder, error)
        _keep_traceback(root, mistake)
        raise mistake from error


def _ingest(folder: Path, root: Path, say: Say, arrived: float) -> Ingested:
    _refuse_place(folder, root)
    load_params(root / "params.yaml")  # wrong ones are no fault of the delivery
    names = _readable_files(folder)
    check(folder)
    work, deliveries = root / ".earshot" / "work" / "ingest", root / "data" / "deliveries"
    with alone(root, "ingest", say):
        settle(root, say)
        deliveries.mkdir(parents=True, exist_ok=True)
        make_inbox(root)
        lines = read_lines(deliveries)
        name = _free_name(folder.resolve().name, deliveries)
        _refuse_ignored(folder, names, root, deliveries / name)
        try:
            work.mkdir(parents=True)
            md5 = folder_md5(copy_files(folder, work / "copy"))  # the one that DVC will find
            _check_copy(folder, work / "copy")
            for line in lines:
                if line.md5 == md5 and not line.withdrawn:
                    shutil.rmtree(work)
                    return Ingested(line.name, md5, new=False)
                if line.md5 == md5:
                    say(f"{name}: has the content of {line.name}, which was withdrawn; taken in anew")
            if dropped := drop_forgotten(work / "copy", root):
                say(f"{name}: {dropped:,} rows left out, of what `earshot forget` keeps out")
                md5 = folder_md5({each: file_md5(work / "copy" / each) for each in list_files(work / "copy")})
                if same := [line.name for line in lines if line.md5 == md5 and not line.withdrawn]:
                    shutil.rmtree(work)
                    return Ingested(same[0], md5, new=False)
            if waiting := check_plays(folder, work / "copy", root):
                say(f"{name}: {waiting}")
            check_vectors(folder, work / "copy", root)
            check_sound(folder, work / "copy", root, md5)
            # before the rename: names what a kill would leave
            replace_json(work / "pending.json", {"name": name, "md5": md5, "arrived": arrived})
            (work / "copy").rename(deliveries / name)
            _finish(work, root, say)
        except Exception:
            _take_back(work, root)
            raise
        return Ingested(name, md5, new=True)


def _keep_traceback(root: Path, mistake: Mistake) -> None:
    file = root / ".earshot" / "failed" / "ingest.txt"
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(mistake.traceback, encoding="utf-8", errors="replace")


def _refuse_place(folder: Path, root: Path) -> None:
    place = folder.resolve()
    if root.is_relative_to(place):
        raise RefusedDelivery(f"{folder}: holds this workspace itself; wanted the folder of one delivery")
    for kept in _NO_DELIVERIES:
        if place.is_relative_to(root / kept):
            raise RefusedDelivery(
                f"{folder}: inside {kept}/ of this workspace; wanted what is not taken in yet"
            )


def _readable_files(folder: Path) -> list[str]:
    """As `list_files`; that the system lets nobody read them is no fault of the delivery either."""
    try:
        names = list_files(folder)
    except UserError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno != errno.ENAMETOOLONG:
            raise
        raise RefusedDelivery(str(error)) from None
    for name in names:
        if not os.access(folder / name, os.R_OK):
            raise UserError(f"{folder / name}: no permission to read it")
    return names


def _refuse_ignored(folder: Path, names: Sequence[str], root: Path, place: Path) -> None:
    """What `dvc add` would leave out is found before anything is copied."""
    ignored = ignored_files(root, place, names)
    if ignored:
        more = f" and {len(ignored) - 1} more" if len(ignored) > 1 else ""
        raise RefusedDelivery(
            f"{folder / ignored[0]}{more}: left out of DVC by .dvcignore, for its name or that of a "
            "folder it is in; wanted another name, or without it"
        )


def _check_copy(folder: Path, copy: Path) -> None:
    try:
        check(copy)
    except UserError as error:
        raise UserError(f"{folder}: changed while it was read: {error}") from None


def settle(root: Path, say: Say) -> None:
    """Finish or remove what an interrupted ingest left; for whoever holds the lock of `alone`."""
    work = root / ".earshot" / "work" / "ingest"
    for beside in (root / "data" / "deliveries").glob(".*.tmp"):
        beside.unlink()
    if (work / "pending.json").is_file():
        name = read_json(work / "pending.json")["name"]
        if (root / "data" / "deliveries" / name).is_dir():
            say(f"{name}: its ingest was interrupted; finishing it")
            try:
                _finish(work, root, say)
            except Exception as error:
                say(f"{name}: cannot be finished, deliver it again: {error}")
    _take_back(work, root)


def _finish(work: Path, root: Path, say: Say) -> None:
    """Add the delivery that stands in its place to DVC and to the index."""
    pending = read_json(work / "pending.json")
    name, md5 = pending["name"], pending["md5"]
    deliveries = root / "data" / "deliveries"
    if not _is_listed(deliveries, name):
        added = add_folder(root, deliveries / name, say)
        if added != md5:
            raise UserError(
                f"{name}: not taken in: DVC recorded {added}, copied was {md5}; did something change it?"
            )
        note_arrival(root, name, pending["arrived"])  # before anybody can see it in the index
        append_line(root, deliveries / "index.csv", index_line(name, md5), say)  # from here on it is taken in
    shutil.rmtree(work)


def _is_listed(deliveries: Path, name: str) -> bool:
    return any(line.name == name for line in read_lines(deliveries))


def _take_back(work: Path, root: Path) -> None:
    """Remove the copy, and the delivery made of it where that is not listed; what names it last."""
    deliveries = root / "data" / "deliveries"
    if (work / "pending.json").is_file():
        name = read_json(work / "pending.json")["name"]
        if not _is_listed(deliveries, name):
            (deliveries / f"{name}.dvc").unlink(missing_ok=True)
            forget_arrival(root, name)
            if (deliveries / name).is_dir():
                shutil.rmtree(deliveries / name)
    if work.is_dir():
        shutil.rmtree(work)


def append_line(root: Path, index: Path, line: str, say: Say) -> None:
    """Add a line to index.csv; waits while a stage reads it."""
    with writing(root, index, say):
        before = index.read_text(encoding="utf-8") if index.is_file() else INDEX_HEADER
        replace_text(index, before + line)


def _free_name(wanted: str, deliveries: Path) -> str:
    """`wanted`, made fit; with a number if it is taken."""
    name = fit_name(wanted)
    taken = (
        {"index.csv", WITHDRAWALS, FORGOTTEN}
        | {line.name for line in read_lines(deliveries)}
        | {path.name for path in deliveries.iterdir()}
    )
    number, free = 2, name
    while free in taken or f"{free}.dvc" in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def fit_name(wanted: str) -> str:
    """`wanted`, made fit for a file name with a suffix, a .gitignore and a CSV."""
    # "ignore" drops a character that was cut in two
    short = wanted.encode(errors="replace")[:_NAME_BYTES].decode(errors="ignore")
    return re.sub(r"[^\w.-]+", "-", short).strip(".-").removesuffix(".dvc") or "delivery"


@contextmanager
def alone(root: Path, name: str, say: Say) -> Iterator[None]:
    """One of a kind at a time, `name` says which; the others wait."""
    with holding(root / ".earshot" / "locks" / name, lambda _: say(f"waiting for another {name} to end")):
        yield
