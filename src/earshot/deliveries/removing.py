"""Removing a folder, however deep it is."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path


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
                left.append(path.rename(_free_place(folder)))
            else:
                path.unlink()
        place.rmdir()


def _open_up(folder: Path) -> None:
    with suppress(OSError):
        folder.chmod(stat.S_IRWXU)


def _free_place(folder: Path) -> Path:
    places = (folder.with_name(f"{folder.name}-{number}") for number in count())
    return next(place for place in places if not os.path.lexists(place))
