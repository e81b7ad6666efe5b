"""Putting an earlier release back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from earshot import terminal
from earshot.errors import UserError
from earshot.releases.history import archive, archive_path, find_release, read_decision, write_decision
from earshot.releases.manifest import Manifest, pointer_path, read_pointer
from earshot.versioning.replace import replacing_output
from earshot.workspace import not_yet


def roll_back(root: Path, name: str | None = None, say: Callable[[str], object] = terminal.say) -> Manifest:
    """Serve the release `name` again, by default the one that the current one replaced.

    The pointer goes back by a rename under DVC's locks and is recorded in
    dvc.lock, so that DVC neither judges the newest candidate again nor takes
    one that waits to be judged as judged. The release that is left is marked in
    its decision: it is not released again unless a person puts it back.

    Raises
    ------
    UserError
        Nothing released, no such release, or another release since.
    """
    current = _served(root)
    target = find_release(root, name or _previous(current))
    with replacing_output(root, "release", say):
        if _served(root) != current:
            raise UserError(f"{_served(root).release} was released meanwhile; say again what to go back to")
        if target != current:
            mark(root, current.release, target.release)
            mark(root, target.release, None)
            archive(root, current)
            _put_back(root, target)
    return target


def _served(root: Path) -> Manifest:
    current = read_pointer(root)
    if not isinstance(current, Manifest):
        raise not_yet(root, f"nothing to roll back: nothing is released yet ({current.reason})")
    return current


def _previous(current: Manifest) -> str:
    if current.previous is None:
        raise UserError(f"{current.release} is the first release: there is none before it")
    return current.previous


def mark(root: Path, name: str, put_back: str | None) -> None:
    """Note in the decision on `name` that a person put `put_back` in its place; None: nobody did."""
    decision = read_decision(root, name) or {"candidate": name}
    marked = {key: value for key, value in decision.items() if key != "rolled_back_to"}
    write_decision(root, name, marked | ({"rolled_back_to": put_back} if put_back else {}))


def _put_back(root: Path, target: Manifest) -> None:
    pointer = pointer_path(root)
    beside = pointer.with_name(f".{pointer.name}.{os.getpid()}.tmp")
    beside.write_bytes(archive_path(root, target.release).read_bytes())
    beside.replace(pointer)
