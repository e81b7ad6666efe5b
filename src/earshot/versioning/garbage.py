"""Objects of DVC's cache that nothing names any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from earshot.errors import UserError
from earshot.versioning.cache import cache_folder
from earshot.versioning.deliveries import writing
from earshot.versioning.naming import MD5, named_objects


@dataclass(frozen=True)
class Garbage:
    """How many objects nothing names, of how many bytes, and how many stay."""

    objects: int
    bytes: int
    kept: int


def collect_garbage(
    root: Path, keep: Callable[[], Iterable[str]], tags: str, say: Callable[[str], object], remove: bool
) -> Garbage:
    """Find, and with `remove` remove, what neither `keep`, asked under the locks, nor the repository names.

    The repository names what stands in its .dvc files and dvc.lock, as they are
    now, at HEAD and at every tag like `tags`. No stage runs meanwhile: holds
    DVC's lock, and its write lock on the whole workspace, and waits for both.

    Raises
    ------
    UserError
        The cache lies outside the workspace: what other clones need cannot be known;
        something that names objects cannot be read (`named_objects`). Nothing is removed.
    """
    cache = cache_folder(root)
    if not cache.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{cache}: outside this workspace; what others need of it cannot be known from here")
    with writing(root, root, say):
        used = named_objects(root, cache, tags) | {*keep()}
        found = list(_objects(cache))
        unused = [path for md5, path in found if md5 not in used]
        size = sum(path.stat().st_size for path in unused)
        for path in [*unused, *_litter(cache)] if remove else ():
            path.unlink()
    return Garbage(len(unused), size, len(found) - len(unused))


def _litter(cache: Path) -> list[Path]:
    """What a kill left half-written: nobody else writes there now."""
    return [path for path in cache.glob("??/.*.tmp") if path.is_file()]


def _objects(cache: Path) -> Iterator[tuple[str, Path]]:
    for path in cache.glob("??/*"):
        if re.fullmatch(MD5, path.parent.name + path.name):
            yield path.parent.name + path.name, path
