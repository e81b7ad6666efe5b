"""Objects of DVC's cache that nothing names any more."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from earshot.errors import UserError
from earshot.versioning.cache import PreviousOutput, cache_folder
from earshot.versioning.deliveries import writing

_MD5 = r"[0-9a-f]{32}(\.dir)?"
_NAMED_BY_DVC = ("*.dvc", "dvc.lock", "*/dvc.lock")
_NAMED_AT_A_TAG = (*_NAMED_BY_DVC, "releases/current.json")


@dataclass(frozen=True)
class Garbage:
    """How many objects nothing names, of how many bytes, and how many stay."""

    objects: int
    bytes: int
    kept: int


def collect_garbage(
    root: Path, keep: Iterable[str], tags: str, say: Callable[[str], object], remove: bool
) -> Garbage:
    """Find, and with `remove` remove, what neither `keep` nor the repository names.

    The repository names what stands in its .dvc files and dvc.lock, as they are
    now, at HEAD and at every tag like `tags`. No stage runs meanwhile: holds
    DVC's lock, and its write lock on the whole workspace, and waits for both.

    Raises
    ------
    UserError
        The cache lies outside the workspace: what other clones need cannot be known.
    """
    cache = cache_folder(root)
    if not cache.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{cache}: outside this workspace; what others need of it cannot be known from here")
    with writing(root, root, say):
        used = _with_contents(cache, {*keep, *_named_now(root), *_named_in(root, _revisions(root, tags))})
        found = list(_objects(cache))
        unused = [path for md5, path in found if md5 not in used]
        size = sum(path.stat().st_size for path in unused)
        for path in unused if remove else ():
            path.unlink()
    return Garbage(len(unused), size, len(found) - len(unused))


def _objects(cache: Path) -> Iterator[tuple[str, Path]]:
    for path in cache.glob("??/*"):
        if re.fullmatch(_MD5, path.parent.name + path.name):
            yield path.parent.name + path.name, path


def _with_contents(cache: Path, md5s: set[str]) -> set[str]:
    """`md5s`, and those of every file in a folder among them."""
    folders = [PreviousOutput(cache, md5).files for md5 in md5s if md5.endswith(".dir")]
    return md5s.union(*(files.values() for files in folders))


def _revisions(root: Path, tags: str) -> list[str]:
    head = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    return [*head, *_git(root, "tag", "--list", tags)]


def _named_now(root: Path) -> set[str]:
    return set(_git(root, "grep", "--untracked", "-hoE", _MD5, "--", *_NAMED_BY_DVC))


def _named_in(root: Path, revisions: list[str]) -> set[str]:
    if not revisions:
        return set()
    return set(_git(root, "grep", "-hoE", _MD5, *revisions, "--", *_NAMED_AT_A_TAG))


def _git(root: Path, *arguments: str) -> list[str]:
    """Lines of output; none where git found nothing (exit status 1)."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise UserError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.split()
