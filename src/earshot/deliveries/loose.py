"""A delivery whose contents lie in the inbox without a folder: recognised, and put into one.

`cp -a delivery/* data/inbox/` does that, and `cp -a delivery data/inbox/` where there is no inbox.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from earshot.deliveries.contents import SUCCESS
from earshot.files import read_json, replace_json

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
    folder, hidden = inbox / plan["folder"], inbox / f".{plan['folder']}"
    if not folder.exists():
        hidden.mkdir(exist_ok=True)
        for name in plan["pieces"]:
            if (inbox / name).exists() and not (hidden / name).exists():
                _move(inbox / name, hidden / name)
        (hidden / SUCCESS).touch()
        hidden.rename(folder)
    _plan(root).unlink()


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
