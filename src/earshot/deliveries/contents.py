"""The files of a delivery: which there are, and which must not be there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from earshot.errors import UserError

SUCCESS = "_SUCCESS"
"""A file of this name says that a delivery is complete, and is no part of it."""

_DVC_FILES = {"dvc.yaml", "dvc.lock"}
_MAX_DEPTH = 32
MAX_PATH_BYTES = 2048
"""Of a path inside a delivery: with the workspace's own before it, it must stay below PATH_MAX."""


def list_files(folder: Path) -> list[str]:
    """Paths inside the delivery `folder`, with `/`, sorted; hidden files and folders are left out.

    Raises
    ------
    UserError
        No such folder, or one that cannot be listed; a link that leads out of it
        or to a folder; a pipe, device or socket; a name that is not UTF-8 or that
        DVC takes for its own; folders in more than 32 others; a path of more than 2048 bytes.
    """
    _refuse_name(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; wanted one that holds songs.csv or plays.csv")
    try:
        found = list(_walk(folder, folder.resolve(), _MAX_DEPTH))
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be listed: {error.strerror}") from error
    names = sorted(path.relative_to(folder).as_posix() for path in found if path != folder / SUCCESS)
    for name in names:
        if (size := len(name.encode())) > MAX_PATH_BYTES:
            raise UserError(
                f"{folder}: {name[:80]}...: a path of {size} bytes; wanted at most {MAX_PATH_BYTES}"
            )
    return names


def _walk(folder: Path, root: Path, depth: int) -> Iterator[Path]:
    if not depth:
        raise UserError(f"{root}: folders in more than {_MAX_DEPTH} others; the deepest looked at: {folder}")
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        _refuse_name(entry)
        mode = _target(entry, root).lstat().st_mode
        if stat.S_ISDIR(mode) and not entry.is_symlink():
            yield from _walk(entry, root, depth - 1)
        elif stat.S_ISREG(mode):
            yield entry
        else:
            kind = "a link to a folder" if entry.is_symlink() else "not a file"
            raise UserError(f"{entry}: {kind}; wanted files and folders")


def _target(entry: Path, root: Path) -> Path:
    """Where `entry` leads: itself, or what it is a link to."""
    if not entry.is_symlink():
        return entry
    try:
        target = entry.resolve(strict=True)
    except (OSError, RuntimeError):
        raise UserError(f"{entry}: a link to {str(entry.readlink())!r}, which is not there") from None
    if not target.is_relative_to(root):
        raise UserError(f"{entry}: a link to {target}, out of the delivery")
    return target


def _refuse_name(entry: Path) -> None:
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise UserError(f"{entry.parent}: file name {os.fsencode(entry.name)!r} is not UTF-8") from None
    if entry.name in _DVC_FILES or entry.suffix == ".dvc":
        raise UserError(f"{entry}: DVC would take this file for its own; wanted another name")
