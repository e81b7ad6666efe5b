"""Which objects of DVC's cache a repository names, and removing those that nothing names any more.

Also those that only earlier states name, as far as the remote has them too and the cache is to be small.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from earshot.errors import UserError
from earshot.versioning.cache import PreviousOutput, cache_folder, cache_path
from earshot.versioning.folders import writing
from earshot.versioning.git import git, git_or_none
from earshot.versioning.kept_lock import cut_aside, kept_copy, lockfiles
from earshot.versioning.lockfile import DOUBT, MD5, file_md5, read_outs
from earshot.versioning.remote import in_remote


def named_objects(root: Path, cache: Path, tags: str) -> set[str]:
    """md5 of every object that .dvc files and every dvc.lock name, now, at HEAD and at the tags like `tags`.

    Of tags and HEAD also what `releases/current.json` names; of every folder the files in it.

    Raises
    ------
    UserError
        One of these that cannot be read, or a list of files that is damaged, or lost
        where the folder stands in the workspace; named, with what it is.
    """
    now = dict(_texts_now(root))
    then = dict(_texts_then(root, tags))
    outs = {where: read_outs(where, text) for where, text in (now | then).items()}
    # hashes anywhere in the text: of deps too, not of outs alone
    named = {md5 for text in (now | then).values() for md5 in re.findall(MD5, text)}
    for place, md5 in (out for where in now for out in outs[where]):
        if md5.endswith(".dir") and not cache_path(cache, md5).exists() and (root / place).exists():
            raise UserError(f"{place}: its list of files, object {md5}, is not in DVC's cache; {DOUBT}")
    return with_contents(cache, named)


def named_now(root: Path, cache: Path) -> set[str]:
    """As `named_objects`, of the outputs in the workspace as it stands: not what HEAD, tags and deps name."""
    named = {md5 for where, text in _texts_now(root) for _, md5 in read_outs(where, text)}
    return with_contents(cache, named)


def with_contents(cache: Path, md5s: set[str]) -> set[str]:
    """`md5s`, and those of every file in a folder among them; a damaged list of files is a UserError."""
    found = set(md5s)
    for md5 in md5s:
        path = cache_path(cache, md5)
        if md5.endswith(".dir") and path.exists():
            if not path.is_file() or f"{file_md5(path)}.dir" != md5:
                raise UserError(f"{path}: a damaged list of files; {DOUBT}")
            found.update(PreviousOutput(cache, md5).files.values())
    return found


def _texts_now(root: Path) -> Iterator[tuple[str, str]]:
    """By path; git may ignore some. Kept copies of dvc.lock, and what was cut, are among them."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split(b"\0")
    names = {name for each in listed if _names_objects(name := each.decode(errors="surrogateescape"))}
    names.update(f"data/deliveries/{path.name}" for path in (root / "data" / "deliveries").glob("?*.dvc"))
    locks = {"dvc.lock", *lockfiles(root)}
    others = [place(root, lock) for lock in locks for place in (kept_copy, cut_aside)]
    names |= locks | {path.relative_to(root).as_posix() for path in others}
    for name in sorted(names):
        if (root / name).exists():
            yield name, _decoded(name, _content(root / name))


def _texts_then(root: Path, tags: str) -> Iterator[tuple[str, str]]:
    """By `<revision>:<path>`; the same content once."""
    blobs: dict[str, str] = {}
    for revision in _revisions(root, tags):
        for line in _git(root, "ls-tree", "-r", "-z", revision).split(b"\0"):
            # <mode> <type> <object>, tab, <path>
            about, _, path = line.decode(errors="surrogateescape").partition("\t")
            if about.split(" ")[1:2] == ["blob"] and _names_objects(path, current=True):
                blobs.setdefault(about.split(" ")[2], f"{revision}:{path}")
    for blob, where in blobs.items():
        yield where, _decoded(where, _git(root, "cat-file", "blob", blob))


def _names_objects(path: str, current: bool = False) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix == ".dvc" or pure.name == "dvc.lock" or (current and path == "releases/current.json")


def _revisions(root: Path, tags: str) -> list[str]:
    """HEAD, where there is a commit, and the tags."""
    _git(root, "for-each-ref", warns=False)  # a branch that cannot be read is left out with a warning
    listed = _git(root, "tag", "--list", tags).decode().split()
    committed = git_or_none(root, "rev-parse", "--verify", "--quiet", "HEAD") is not None
    return ["HEAD", *listed] if committed else listed


def _git(root: Path, *arguments: str, warns: bool = True) -> bytes:
    try:
        return git(root, *arguments, warns=warns)
    except UserError as error:
        raise UserError(f"{error}; {DOUBT}") from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; {DOUBT}") from None


def _decoded(where: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{where}: not UTF-8; {DOUBT}") from None


@dataclass(frozen=True)
class Garbage:
    """Objects that may go.

    Attributes
    ----------
    objects, bytes
        That nothing names.
    pushed, pushed_bytes
        That only earlier states name, and the remote has.
    kept, kept_bytes
        All others.
    """

    objects: int
    bytes: int
    pushed: int
    pushed_bytes: int
    kept: int
    kept_bytes: int


def collect_garbage(
    root: Path,
    keep: Callable[[], Iterable[str]],
    tags: str,
    say: Callable[[str], object],
    remove: bool,
    most_bytes: float | None = None,
) -> Garbage:
    """Find, and with `remove` remove, what neither `keep`, asked under the locks, nor the repository names.

    The repository names what stands in its .dvc files and dvc.lock, as they are
    now, at HEAD and at every tag like `tags`. No stage runs meanwhile: holds
    DVC's lock, and its write lock on the whole workspace, and waits for both.

    Parameters
    ----------
    most_bytes
        As much as the cache may hold. Where what is needed is more, what neither `keep` nor the workspace
        as it stands names goes too, the longest unread first, if the default remote has it.

    Raises
    ------
    UserError
        The cache lies outside the workspace: what other clones need cannot be known;
        something that names objects cannot be read (`named_objects`); with `most_bytes` the
        remote cannot be asked (`in_remote`). Nothing is removed.
    """
    cache = cache_folder(root)
    if not cache.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{cache}: outside this workspace; what others need of it cannot be known from here")
    with writing(root, root, say):
        kept = {*keep()}
        used = named_objects(root, cache, tags) | kept
        found = dict(_objects(cache))
        unused = [path for md5, path in found.items() if md5 not in used]
        needed = {md5: path.stat() for md5, path in found.items() if md5 in used}
        pushed: list[str] = []
        if most_bytes is not None:
            pushed = _spared(root, needed, kept | named_now(root, cache), most_bytes)
        size = sum(path.stat().st_size for path in unused)
        going = [*unused, *(found[md5] for md5 in pushed), *_litter(cache)]
        for path in going if remove else ():
            path.unlink()
    pushed_size = sum(needed.pop(md5).st_size for md5 in pushed)
    stays = sum(each.st_size for each in needed.values())
    return Garbage(len(unused), size, len(pushed), pushed_size, len(needed), stays)


def _spared(root: Path, needed: Mapping[str, os.stat_result], now: set[str], most_bytes: float) -> list[str]:
    """As many of the objects `needed` as are too many, of those outside `now` that the remote has.

    Lists of files stay: they say what else is named.
    """
    too_many = sum(each.st_size for each in needed.values()) - most_bytes
    earlier = {md5 for md5 in needed if md5 not in now and not md5.endswith(".dir")}
    spared: list[str] = []
    there = in_remote(root, earlier) if too_many > 0 else set()
    for md5 in sorted(there, key=lambda md5: (needed[md5].st_atime, md5)):
        if too_many <= 0:
            break
        spared.append(md5)
        too_many -= needed[md5].st_size
    return spared


def _litter(cache: Path) -> list[Path]:
    """What a kill left half-written: nobody else writes there now."""
    return [path for path in cache.glob("??/.*.tmp") if path.is_file()]


def _objects(cache: Path) -> Iterator[tuple[str, Path]]:
    for path in cache.glob("??/*"):
        if re.fullmatch(MD5, path.parent.name + path.name):
            yield path.parent.name + path.name, path
