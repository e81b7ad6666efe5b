"""Copying a delivery, every file hashed on the way."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from earshot.deliveries.contents import list_files
from earshot.errors import UserError
from earshot.processes import progress

_BLOCK_BYTES = 1 << 20


def copy_files(folder: Path, copy: Path) -> dict[str, str]:
    """Copy the files of the delivery `folder` into the new folder `copy`, links as what they lead to.

    Returns
    -------
    md5 of every file by its path inside the delivery.

    Raises
    ------
    UserError
        Not enough room for all of them, looked at first; a file that cannot be copied,
        for want of permission or room, or that changes meanwhile.
    """
    root, names = folder.resolve(), list_files(folder)
    _look_for_room(folder, names, copy)
    return {
        name: _copy(folder / name, copy / name, root)
        for name in progress(names, description="Copying", unit="files")
    }


def _look_for_room(folder: Path, names: Sequence[str], copy: Path) -> None:
    try:
        wanted = sum((folder / name).stat().st_size for name in names)
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be copied: {error.strerror}") from None
    free = shutil.disk_usage(copy.parent).free
    if wanted > free:
        raise UserError(
            f"{folder}: no room for it: it takes {wanted / 1e6:,.1f} MB, and {copy.parent} has "
            f"{free / 1e6:,.1f} MB left"
        )


def _copy(source: Path, destination: Path, root: Path) -> str:
    md5 = hashlib.md5()
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with _open_inside(source, root) as read, destination.open("xb") as written:
            before = os.fstat(read.fileno())
            while block := read.read(_BLOCK_BYTES):
                md5.update(block)
                written.write(block)
            after = os.fstat(read.fileno())
    except OSError as error:
        raise UserError(f"{source}: cannot be copied: {_explain(error, source, destination)}") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise UserError(f"{source}: changed while it was read; wait until the delivery is complete")
    return md5.hexdigest()


def _explain(error: OSError, source: Path, destination: Path) -> str:
    """Where others took the room meanwhile, how much was wanted and how much there is."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return str(error.strerror)
    wanted, free = source.stat().st_size, shutil.disk_usage(destination.parent).free
    return f"{error.strerror}: it takes {wanted / 1e6:,.1f} MB, there are {free / 1e6:,.1f} MB left"


def _open_inside(source: Path, root: Path) -> BinaryIO:
    """Open a file for reading; no link on the way is followed that was put there since it was checked."""
    target = source.resolve(strict=True)
    if not target.is_relative_to(root):
        raise UserError(f"{source}: leads to {target}, out of the delivery")
    *folders, name = target.relative_to(root).parts
    with ExitStack() as opened:
        place = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        opened.callback(os.close, place)
        for folder in folders:
            # each inside the one opened before: what is swapped for a link meanwhile is not followed
            place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            opened.callback(os.close, place)
        # without O_NONBLOCK, opening a pipe would wait for its writer
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise UserError(f"{source}: not a file any more; wanted one")
    return os.fdopen(file, "rb")
