"""Putting a candidate in place by hand, whatever the gate said of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from earshot import terminal
from earshot.errors import UserError
from earshot.files import as_json
from earshot.releases.files import find_files
from earshot.releases.history import (
    decision_path,
    find_release,
    imported_claim,
    list_releases,
    read_decision,
)
from earshot.releases.manifest import Manifest, pointer_path, read_pointer
from earshot.releases.rollback import leave, manifest_text, marked, names
from earshot.terminal import on_one_line
from earshot.versioning import repair
from earshot.versioning.git import author
from earshot.versioning.replace import replacing_output


def promote(
    root: Path,
    name: str,
    reason: str,
    say: Callable[[str], object] = terminal.say,
    tell: Callable[[str], object] = terminal.tell,
) -> Manifest:
    """Serve the candidate, import or earlier release `name` from now on; its decision says who, when and why.

    The pointer moves as in `roll_back`, and the release that is left is marked likewise.

    Raises
    ------
    UserError
        No such candidate, one of its files is not in DVC's cache (named), or another release since.
    """
    repair(root, say)
    target, current = find_release(root, name, refused=True), read_pointer(root)
    find_files(target, root)
    what, moved = f"promotion of {target.release}", names(target)
    with replacing_output(root, "release", what, say, lambda: tell(moved)) as texts:
        if read_pointer(root) != current:
            raise UserError("something was released meanwhile; say again what to promote")
        if isinstance(current, Manifest) and target.release == current.release:
            say(f"{target.release} is served already")
            texts[pointer_path(root)] = manifest_text(root, target)
        else:
            target = _numbered(root, target, current.release if isinstance(current, Manifest) else None)
            texts[decision_path(root, target.release)] = as_json(_noted(root, target.release, reason))
            texts |= leave(root, current, target) if isinstance(current, Manifest) else {}
            texts[pointer_path(root)] = as_json(asdict(target))
    return target


def gate_said(root: Path, name: str) -> str:
    """What the gate decided of a candidate or release, in its own words; of an import, what it claims."""
    release = find_release(root, name, refused=True)
    claim = imported_claim(root, release.release)
    if claim is not None:
        told = on_one_line(str(claim.get("reason", "nothing")))
        return f"{release.release} was imported and never judged here; its archive claims {told!r:.500}"
    decision = read_decision(root, release.release)
    if decision is None or "reason" not in decision:
        return f"{release.release} was never judged here"
    return f"{release.release} was {'released' if decision['released'] else 'refused'}: {decision['reason']}"


def _numbered(root: Path, target: Manifest, previous: str | None) -> Manifest:
    """A candidate that was never released as the next release after `previous`."""
    numbers = {release.release: release.number for release in list_releases(root)}
    if target.release in numbers:
        return target
    return replace(target, number=1 + max(numbers.values(), default=0), previous=previous)


def _noted(root: Path, name: str, reason: str) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    return marked(root, name, None) | {"promoted": {"by": _who(root), "at": at, "reason": reason}}


def _who(root: Path) -> str:
    """Git's e-mail address, or the number of the account."""
    return author(root) or f"uid {os.getuid()}"
