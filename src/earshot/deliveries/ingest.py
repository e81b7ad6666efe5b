"""Taking a delivery in: whole or not at all, whenever it is interrupted.

A delivery is copied beside its place, named in `pending.json`, renamed into place,
added to DVC, and last of all listed in index.csv, which is what stages read. An
interrupted ingest leaves a `pending.json`, or a copy that nothing names; the next
one, of anything, finishes the first and removes the second.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from earshot import terminal
from earshot.deliveries.arrivals import note_arrival
from earshot.deliveries.check import Refused, check
from earshot.deliveries.copying import copy_files
from earshot.deliveries.index import INDEX_HEADER, index_line, read_lines
from earshot.deliveries.sound import check_sound
from earshot.errors import UserError
from earshot.files import read_json, replace_json, replace_text
from earshot.versioning import add_folder, folder_md5, writing

Say = Callable[[str], object]

_NAME_BYTES = 180


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
    `arrived` (Unix seconds), by default now.

    Raises
    ------
    UserError
        Whatever `check` and `check_sound` refuse; a source that changes while it is read.
    """
    arrived = time.time() if arrived is None else arrived
    check(folder)
    root = root.resolve()
    work, deliveries = root / ".earshot" / "work" / "ingest", root / "data" / "deliveries"
    with alone(root / ".earshot" / "locks" / "ingest", say):
        _settle(work, root, say)
        deliveries.mkdir(parents=True, exist_ok=True)
        md5 = folder_md5(copy_files(folder, work / "copy"))
        _check_copy(folder, work / "copy")
        known = {line.md5: line.name for line in read_lines(deliveries)}
        if md5 in known:
            shutil.rmtree(work)
            return Ingested(known[md5], md5, new=False)
        _listen(folder, work, root, md5)
        name = _free_name(folder.resolve().name, deliveries)
        replace_json(work / "pending.json", {"name": name, "md5": md5, "arrived": arrived})
        (work / "copy").rename(deliveries / name)
        _finish(work, root, say)
        return Ingested(name, md5, new=True)


def _check_copy(folder: Path, copy: Path) -> None:
    try:
        check(copy)
    except UserError as error:
        raise UserError(f"{folder}: changed while it was read: {error}") from None


def _listen(folder: Path, work: Path, root: Path, md5: str) -> None:
    try:
        check_sound(folder, work / "copy", root, md5)
    except Refused:
        shutil.rmtree(work)
        raise


def _settle(work: Path, root: Path, say: Say) -> None:
    """Finish or remove what an interrupted ingest left."""
    for beside in (root / "data" / "deliveries").glob(".*.tmp"):
        beside.unlink()
    if (work / "pending.json").is_file():
        name = read_json(work / "pending.json")["name"]
        if (root / "data" / "deliveries" / name).is_dir():
            say(f"{name}: its ingest was interrupted; finishing it")
            try:
                _finish(work, root, say)
            except UserError as error:
                say(str(error))
    if work.is_dir():
        shutil.rmtree(work)
    work.mkdir(parents=True)


def _finish(work: Path, root: Path, say: Say) -> None:
    """Add the delivery that stands in its place to DVC and to the index."""
    pending = read_json(work / "pending.json")
    name, md5 = pending["name"], pending["md5"]
    deliveries = root / "data" / "deliveries"
    if all(line.name != name for line in read_lines(deliveries)):
        added = add_folder(root, deliveries / name, say)
        if added != md5:
            _take_back(deliveries, name)
            shutil.rmtree(work)
            raise UserError(
                f"{name}: not taken in: DVC recorded {added}, copied was {md5}; "
                "does .dvcignore leave out one of its files, or did something change it meanwhile?"
            )
        note_arrival(root, name, pending["arrived"])
        _append(root, deliveries / "index.csv", index_line(name, md5), say)
    shutil.rmtree(work)


def _take_back(deliveries: Path, name: str) -> None:
    (deliveries / f"{name}.dvc").unlink(missing_ok=True)
    shutil.rmtree(deliveries / name)


def _append(root: Path, index: Path, line: str, say: Say) -> None:
    with writing(root, index, say):
        before = index.read_text(encoding="utf-8") if index.is_file() else INDEX_HEADER
        replace_text(index, before + line)


def _free_name(wanted: str, deliveries: Path) -> str:
    """`wanted`, made fit; with a number if it is taken."""
    name = fit_name(wanted)
    taken = (
        {"index.csv"}
        | {line.name for line in read_lines(deliveries)}
        | {path.name for path in deliveries.iterdir()}
    )
    number, free = 2, name
    while free in taken or f"{free}.dvc" in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def fit_name(wanted: str) -> str:
    """`wanted`, made fit for a file name with a suffix, a .gitignore and a CSV."""
    short = wanted.encode(errors="replace")[:_NAME_BYTES].decode(errors="ignore")
    return re.sub(r"[^\w.-]+", "-", short).strip(".-").removesuffix(".dvc") or "delivery"


@contextmanager
def alone(path: Path, say: Say) -> Iterator[None]:
    """One ingest at a time; the lock falls with the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another ingest to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
