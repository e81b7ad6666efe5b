"""`data/rejected/`: what could not be used, each with the reason beside it."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from earshot.alerts import alert
from earshot.deliveries.index import read_description
from earshot.deliveries.ingest import Mistake, Say, fit_name
from earshot.errors import UserError
from earshot.files import read_json, replace_json

REJECTED = "data/rejected"
_REASON = ".reason.json"


@dataclass(frozen=True)
class Rejection:
    """A delivery in data/rejected/, and why it lies there.

    Attributes
    ----------
    traceback
        Where the reason is a mistake in earshot: where that is; else `""`.
    """

    delivery: str
    error: str
    rejected: str
    source: str
    traceback: str = ""


def reject(root: Path, folder: Path, error: UserError, say: Say) -> Rejection:
    """Move what lies in the inbox to data/rejected/, the reason beside it.

    Raises
    ------
    OSError
        It cannot be moved.
    """
    rejected = root / REJECTED
    rejected.mkdir(parents=True, exist_ok=True)
    place = _free_place(rejected, fit_name(folder.name))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    traceback = error.traceback if isinstance(error, Mistake) else ""
    rejection = Rejection(place.name, readable(str(error)), now, _source(folder), readable(traceback))
    content = {key: value for key, value in asdict(rejection).items() if key != "traceback" or value}
    # before the move: a reason without its folder is not shown
    replace_json(rejected / f"{place.name}{_REASON}", content)
    if folder.is_dir() and not folder.is_symlink():
        with suppress(OSError):  # a folder that may not be written to cannot be moved
            folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
    folder.rename(place)
    say(f"{place.name}: rejected: {rejection.error}")
    with suppress(OSError):  # for want of room; the reason stands already
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
    with suppress(Exception):  # it may be what the delivery is rejected for
        if not folder.is_symlink() and stat.S_ISREG(description.lstat().st_mode):
            return readable(read_description(folder)[0])
    return ""


def readable(text: str) -> str:
    """Without halves of characters, which names of files may hold and JSON may not."""
    return re.sub(r"[\ud800-\udfff]", "?", text)


def rejections(root: Path) -> list[Rejection]:
    """What lies in data/rejected/ now, by name; of a reason that was spoiled since, that it was."""
    reasons = sorted((root / REJECTED).glob(f"*{_REASON}"))
    there = [path for path in reasons if os.path.lexists(path.with_name(path.name.removesuffix(_REASON)))]
    return [_read(path) for path in there]


def _read(path: Path) -> Rejection:
    try:
        return Rejection(**read_json(path))
    except (OSError, ValueError, TypeError) as error:
        name = path.name.removesuffix(_REASON)
        return Rejection(name, f"{path.name}: not as it was written: {error}", "", "")


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all in it, read-only folders too.

    A folder inside is moved up beside `folder`, under its name and a number, before it
    is emptied: however deep they lie, no path and no stack grows with them, as those of
    `shutil.rmtree` do.

    Raises
    ------
    OSError
        Something in it cannot be removed.
    """
    left = [folder]
    while left:
        place = left.pop()
        _open_up(place)
        with os.scandir(place) as entries:
            inside = [(Path(entry.path), entry.is_dir(follow_symlinks=False)) for entry in entries]
        for path, is_folder in inside:
            if is_folder:
                _open_up(path)  # a folder that may not be written to cannot be moved
                left.append(path.rename(_place_beside(folder)))
            else:
                path.unlink()
        place.rmdir()


def _open_up(folder: Path) -> None:
    with suppress(OSError):
        folder.chmod(stat.S_IRWXU)


def _place_beside(folder: Path) -> Path:
    places = (folder.with_name(f"{folder.name}-{number}") for number in count())
    return next(place for place in places if not os.path.lexists(place))
