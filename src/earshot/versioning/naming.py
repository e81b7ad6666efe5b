"""Which objects of DVC's cache a repository names; whatever cannot be read stops whoever asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml.error import YAMLError

from earshot.errors import UserError
from earshot.files import parse_yaml
from earshot.versioning.cache import PreviousOutput, cache_path
from earshot.versioning.git import git, git_or_none
from earshot.versioning.kept_lock import cut_aside, kept_copy, lockfiles, whole_stages
from earshot.versioning.lockfile import file_md5

MD5 = r"[0-9a-f]{32}(?:\.dir)?"
_DOUBT = "while it cannot be read, nobody knows which objects of DVC's cache it needs"


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
    named = {md5 for text in (now | then).values() for md5 in re.findall(MD5, text)}
    for place, md5 in (out for where in now for out in outs[where]):
        if md5.endswith(".dir") and not cache_path(cache, md5).exists() and (root / place).exists():
            raise UserError(f"{place}: its list of files, object {md5}, is not in DVC's cache; {_DOUBT}")
    return with_contents(cache, named)


def with_contents(cache: Path, md5s: set[str]) -> set[str]:
    """`md5s`, and those of every file in a folder among them; a damaged list of files is a UserError."""
    found = set(md5s)
    for md5 in md5s:
        path = cache_path(cache, md5)
        if md5.endswith(".dir") and path.exists():
            if not path.is_file() or f"{file_md5(path)}.dir" != md5:
                raise UserError(f"{path}: a damaged list of files; {_DOUBT}")
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
        raise UserError(f"{error}; {_DOUBT}") from None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; {_DOUBT}") from None


def _decoded(where: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{where}: not UTF-8; {_DOUBT}") from None


def read_outs(where: str, text: str) -> list[tuple[str, str]]:
    """Path and md5 of every output that a .dvc file or dvc.lock names; of another JSON file none.

    Raises
    ------
    UserError
        `text`, which comes from `where`, is cut short or something else.
    """
    path = PurePosixPath(where.rpartition(":")[2])  # after the revision
    if path.suffix == ".json":
        outs: list[Any] | None = [] if isinstance(_parsed(text), dict) else None
    elif path.name in ("dvc.lock", "dvc.lock.cut"):
        stages = whole_stages(text)
        outs = None if stages is None else [out for stage in stages.values() for out in stage["outs"]]
    else:
        content = _parsed(text)
        outs = content.get("outs") if isinstance(content, dict) else None
        outs = outs if isinstance(outs, list) and outs and all(map(_is_out, outs)) else None
    if outs is None:
        raise UserError(f"{where}: cut short, or not what DVC or earshot writes; {_DOUBT}")
    folder = PurePosixPath() if path.name == "dvc.lock" else path.parent
    return [(str(folder / out["path"]), str(out["md5"])) for out in outs]


def _parsed(text: str) -> Any:
    """`text` as YAML, of which JSON is a part; None where it is neither."""
    try:
        return parse_yaml(text)
    except (YAMLError, ValueError):
        return None


def _is_out(out: Any) -> bool:
    return isinstance(out, dict) and isinstance(out.get("path"), str) and _is_md5(out.get("md5"))


def _is_md5(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(MD5, value) is not None
