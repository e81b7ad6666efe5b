"""Releases put in place by hand: a candidate promoted, an earlier release put back.

Also the git commit and the tag of what is served, and what a person can do where nothing is released.
"""

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
    archive_path,
    decision_path,
    find_release,
    first_decision,
    imported_claim,
    list_candidates,
    list_releases,
    read_decision,
)
from earshot.releases.manifest import Manifest, NothingReleased, pointer_path, read_pointer
from earshot.terminal import on_one_line
from earshot.versioning import repair
from earshot.versioning.git import author, git
from earshot.versioning.replace import replacing_output
from earshot.workspace import not_yet


def commit_release(root: Path) -> str | None:
    """Commit the release that is served, tag it `release/<name>`; its tag, or None if nothing was to do.

    Only the release's own files go into the commit: pointer, manifests,
    decision, dvc.lock. What else is changed or staged stays as it is. Called
    when DVC has written dvc.lock, by whoever ran the stage.

    Raises
    ------
    UserError
        Git refused, in its own words; the release itself stands.
    """
    current = read_pointer(root)
    if not isinstance(current, Manifest):
        return None
    tag = f"release/{current.release}"
    tagged = _git(root, "tag", "--list", tag)
    if tagged and not _git(root, "status", "--porcelain", "--", str(pointer_path(root))):
        return None
    files = _own_files(root, current)
    _git(root, "add", "--", *files)
    if _git(root, "status", "--porcelain", "--", *files):
        _git(root, "commit", "--quiet", "--no-verify", "--message", _message(current), "--only", "--", *files)
    if not tagged:
        _git(root, "tag", "--annotate", "--message", _message(current), tag)
    return tag


def _own_files(root: Path, release: Manifest) -> list[str]:
    files = [
        pointer_path(root),
        archive_path(root, release.release),
        decision_path(root, release.release),
        root / "dvc.lock",
    ]
    if release.previous is not None:
        files.append(archive_path(root, release.previous))
    return [path.relative_to(root).as_posix() for path in files if path.is_file()]


def _message(release: Manifest) -> str:
    return f"Release {release.number}: {release.release}"


def _git(root: Path, *arguments: str) -> bytes:
    unsigned = ("-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false")
    try:
        return git(root, *unsigned, *arguments, environment=_identity(root))
    except UserError as error:
        raise UserError(f"release.git_commit: {error}") from None


def _identity(root: Path) -> dict[str, str]:
    """Git's own where it has one; a daemon's account often has none."""
    if author(root) is not None:
        return {}
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "earshot"), ("EMAIL", "earshot@localhost"))
    }


ROLLBACK = "rollback"
"""What is reported of one that was cut off."""


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
    its decision: it is not released again unless a person puts it back. Killed before it has reported
    anything and run again, it is finished and goes back no further.

    Raises
    ------
    UserError
        Nothing released, no such release, or another release since.
    """
    if repair(root, say) == ROLLBACK and name is None:  # run again after a kill
        tell(names(_served(root)))
        return _served(root)
    current = _served(root)
    target = find_release(root, name or _previous(current))
    with replacing_output(root, "release", ROLLBACK, say, lambda: tell(names(target))) as texts:
        if _served(root) != current:  # asked again, under the locks
            raise UserError(f"{_served(root).release} was released meanwhile; say again what to go back to")
        if target != current:
            texts[decision_path(root, target.release)] = as_json(marked(root, target.release, None))
            texts |= leave(root, current, target)
        texts[pointer_path(root)] = manifest_text(root, target)  # the output comes last
    return target


def _name_of(pointer: Manifest | NothingReleased) -> str:
    return pointer.release if isinstance(pointer, Manifest) else "nothing"


def names(release: Manifest) -> str:
    """What is reported where the pointer was moved to `release`."""
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
        now = read_pointer(root)  # asked again, under the locks
        if now != current:
            raise UserError(f"{_name_of(now)} was released meanwhile; say again what to promote")
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
        claimed = on_one_line(str(claim.get("reason", "nothing")))
        return f"{release.release} was imported and never judged here; its archive claims {claimed!r:.500}"
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


def nothing_released(root: Path, pointer: NothingReleased) -> str:
    """Why nothing is released in the workspace `root`, and every way out of that."""
    refused = [candidate.release for candidate in list_candidates(root)]
    name = refused[0] if len(refused) == 1 else "NAME"
    by_hand = (
        "`earshot similar SONG --candidate` looks at what was refused, "
        f"`earshot release promote {name} --force --reason TEXT` serves it all the same; "
    )
    return (
        f"nothing released yet: {pointer.reason}\n"
        f"ways out: {by_hand if refused else ''}more songs, artists and plays, then `dvc repro`; "
        "or `earshot release import FILE`, then promote"
    )
