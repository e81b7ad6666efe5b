"""Copying a delivery, every file hashed on the way."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

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
        A file that cannot be copied, for want of permission or room, or that changes meanwhile.
    """
    return {
        name: _copy(folder / name, copy / name)
        for name in progress(list_files(folder), description="Copying", unit="files")
    }


def _copy(source: Path, destination: Path) -> str:
    destination.parent.mkdir(parents=True, exist_ok=True)
    md5 = hashlib.md5()
    try:
        with source.open("rb") as read, destination.open("xb") as written:
            before = os.fstat(read.fileno())
            while block := read.read(_BLOCK_BYTES):
                md5.update(block)
                written.write(block)
            after = os.fstat(read.fileno())
    except OSError as error:
        raise UserError(f"{source}: cannot be copied: {error.strerror}") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise UserError(f"{source}: changed while it was read; wait until the delivery is complete")
    return md5.hexdigest()
