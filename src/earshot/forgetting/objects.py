"""DVC's caches, here and at the remotes, without what held an id, and what was made of that.

An object goes where it holds the id, where its list of files names one that does, or where DVC's run cache
says that a stage made it of one that goes; unless the workspace as it stands now names it, which holds
nothing of it any more. Commits and tags are not asked: what they name of it is what is to be forgotten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.forgetting.searching import WantedId, holds
from earshot.versioning.cache import cache_path
from earshot.versioning.garbage import with_contents
from earshot.versioning.lockfile import MD5
from earshot.versioning.locks import open_repository

if TYPE_CHECKING:
    from dvc.repo import Repo

_HASH = re.compile(MD5)
Verdicts = dict[str, bool]
"""By md5, whether an object holds the id: its content is known by its name."""


@dataclass(frozen=True)
class Store:
    """Objects by md5 and the run cache beside them, on any file system that DVC knows.

    Attributes
    ----------
    name
        `DVC's cache`, or of the remote.
    objects, runs
        The folders, as the file system names them.
    database
        DVC's own, of a remote.
    """

    name: str
    fs: Any
    objects: str
    runs: str
    database: Any = None

    def md5s(self) -> dict[str, str]:
        """Path of every object by its md5."""
        found = {}
        for path in self._find(self.objects):
            *_, first, rest = path.replace("\\", "/").split("/")
            if _HASH.fullmatch(first + rest):
                found[first + rest] = path
        return found

    def run_files(self) -> list[str]:
        """Paths of the entries of the run cache."""
        return [path for path in self._find(self.runs) if not path.endswith(".tmp")]

    def read(self, path: str) -> bytes:
        """The content of a file."""
        with self.fs.open(path, "rb") as file:
            return bytes(file.read())

    def remove(self, path: str) -> None:
        """Remove a file, or leave it removed."""
        with suppress(FileNotFoundError):
            self.fs.remove(path)

    def _find(self, folder: str) -> Iterable[str]:
        return list(self.fs.find(folder)) if self.fs.exists(folder) else []


def stores(root: Path) -> tuple[list[Store], dict[str, str]]:
    """DVC's cache and every remote that can be reached; and of the others why not, by name."""
    with open_repository(root) as repo:
        local = repo.cache.local
        found, failed = [Store("DVC's cache", local.fs, local.path, repo.stage_cache.cache_dir)], {}
        for name in repo.config["remote"]:
            try:
                found.append(_remote(repo, name))
            except Exception as error:  # no library for it, no network, no permission
                failed[name] = f"{type(error).__name__}: {error}"
    return found, failed


def _remote(repo: Repo, name: str) -> Store:
    database = repo.cloud.get_remote_odb(name)
    base = database.path.removesuffix("/files/md5")
    database.fs.exists(base)  # asked here: whoever cannot be reached is found out
    return Store(f"the remote {name}", database.fs, database.path, database.fs.join(base, "runs"), database)


def refill(store: Store, cache: Path, replaced: Mapping[str, str]) -> int:
    """Put into a remote what takes the place of objects that it has; how many those were.

    `dvc push` would send what .dvc files and dvc.lock name, and nothing of earlier releases.

    Parameters
    ----------
    replaced
        New md5 by the old one.
    """
    from dvc.fs import LocalFileSystem

    there = store.md5s().keys() if store.database is not None else set()
    new = with_contents(cache, {now for before, now in replaced.items() if before in there}) - there
    here = [
        md5 for md5 in sorted(new, key=lambda md5: md5.endswith(".dir")) if cache_path(cache, md5).is_file()
    ]
    for md5 in here:  # lists of files last
        store.database.add(str(cache_path(cache, md5)), LocalFileSystem(), md5)
    return len(here)


def purge(
    store: Store, wanted: WantedId, superseded: set[str], named: set[str], verdicts: Verdicts
) -> tuple[int, int]:
    """Remove from `store` what held the id; objects and entries of the run cache that went.

    Parameters
    ----------
    superseded
        md5s that nothing may name any more.
    named
        Those that the workspace names now.
    """
    objects = store.md5s()
    lists = {md5: _listed(store.read(path)) for md5, path in objects.items() if md5.endswith(".dir")}
    for md5, path in objects.items():
        if md5 not in verdicts:
            verdicts[md5] = holds(store.read(path), wanted)
    runs = {path: store.read(path).decode("utf-8", "replace") for path in store.run_files()}
    bad = {md5 for md5 in objects if verdicts[md5]} | superseded
    bad = _spread(bad - named, lists, [_made(text) for text in runs.values()], named)
    gone = [path for md5, path in objects.items() if md5 in bad]
    old = [
        path
        for path, text in runs.items()
        if bad.intersection(_HASH.findall(text)) or holds(text.encode(), wanted)
    ]
    for path in (*old, *gone):
        store.remove(path)
    return len(gone), len(old)


def _listed(content: bytes) -> set[str]:
    try:
        return {entry["md5"] for entry in json.loads(content)}
    except (ValueError, TypeError, KeyError):
        return set()


def _made(entry: str) -> tuple[set[str], set[str]]:
    """What a run read and what it made, of its entry in the run cache."""
    before, _, after = entry.partition("\nouts:")
    return set(_HASH.findall(before)), set(_HASH.findall(after))


def _spread(
    bad: set[str], lists: dict[str, set[str]], runs: list[tuple[set[str], set[str]]], named: set[str]
) -> set[str]:
    """`bad`, and what hangs on it: until nothing more does."""
    steps: list[Callable[[set[str]], Iterator[str]]] = [
        lambda known: (md5 for md5, files in lists.items() if known & files),
        lambda known: (file for md5, files in lists.items() if md5 in known for file in files),
        lambda known: (md5 for read, made in runs if known & read for md5 in made),
    ]
    while True:
        more = {md5 for step in steps for md5 in step(bad)} - named - bad
        if not more:
            return bad
        bad |= more
