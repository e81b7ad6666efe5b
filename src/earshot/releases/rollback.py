"""Putting an earlier release back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from earshot import terminal
from earshot.errors import UserError
from earshot.files import as_json
from earshot.releases.history import (
    archive_path,
    decision_path,
    find_release,
    first_decision,
    read_decision,
)
from earshot.releases.manifest import Manifest, pointer_path, read_pointer
from earshot.versioning import repair
from earshot.versioning.replace import replacing_output
from earshot.workspace import not_yet

ROLLBACK = "rollback"
"""What is told of one that was cut off."""


def roll_back(
    root: Path,
    name: str | None = None,
    say: Callable[[str], object] = terminal.say,
    tell: Callable[[str], object] = terminal.tell,
) -> Manifest:
    """Serve the release `name` again, by default the one that the current one replaced, and `tell` so.

    The pointer goes back by a rename under DVC's locks and is recorded in
    dvc.lock, so that DVC neither judges the newest candidate again nor takes
    one that waits to be judged as judged. The release that is left is marked in
    its decision: it is not released again unless a person puts it back. Killed before it has told
    anything and said again, it is finished and goes back no further.

    Raises
    ------
    UserError
        Nothing released, no such release, or another release since.
    """
    if repair(root, say) == ROLLBACK and name is None:  # said again after a kill
        tell(names(_served(root)))
        return _served(root)
    current = _served(root)
    target = find_release(root, name or _previous(current))
    with replacing_output(root, "release", ROLLBACK, say, lambda: tell(names(target))) as texts:
        if _served(root) != current:
            raise UserError(f"{_served(root).release} was released meanwhile; say again what to go back to")
        if target != current:
            texts[decision_path(root, target.release)] = as_json(marked(root, target.release, None))
            texts |= leave(root, current, target)
        texts[pointer_path(root)] = manifest_text(root, target)
    return target


def names(release: Manifest) -> str:
    """What is told where the pointer was moved to `release`."""
    return f"the pointer names {release.release}; `dvc repro` or the job onboard serves it"


def _served(root: Path) -> Manifest:
    current = read_pointer(root)
    if not isinstance(current, Manifest):
        raise not_yet(root, f"nothing to roll back: nothing is released yet ({current.reason})")
    return current


def _previous(current: Manifest) -> str:
    if current.previous is None:
        raise UserError(f"{current.release} is the first release: there is none before it")
    return current.previous


def leave(root: Path, current: Manifest, target: Manifest) -> dict[Path, str]:
    """By path, what is to be written where `target` takes the place of `current`, which is kept."""
    decision = as_json(marked(root, current.release, target.release))
    kept = archive_path(root, current.release)
    manifest = {} if kept.is_file() else {kept: as_json(asdict(current))}
    return {decision_path(root, current.release): decision} | manifest


def marked(root: Path, name: str, put_back: str | None) -> dict[str, Any]:
    """The decision on `name` with a note that a person put `put_back` in its place; None: nobody did."""
    decision = read_decision(root, name) or first_decision(root, name)
    kept = {key: value for key, value in decision.items() if key != "rolled_back_to"}
    return kept | ({"rolled_back_to": put_back} if put_back else {})


def manifest_text(root: Path, release: Manifest) -> str:
    """As it was when `release` was served, to the byte."""
    served = read_pointer(root) == release
    path = pointer_path(root) if served else archive_path(root, release.release)
    return path.read_bytes().decode("utf-8")
