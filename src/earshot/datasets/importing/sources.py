"""The files that a source is made of, and their lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from earshot.datasets.importing.drafts import SetAside
from earshot.errors import UserError
from earshot.processes import progress


@dataclass(frozen=True)
class SourceFile:
    """A file, and what it is called in reports: its path below the folder that all files share."""

    path: Path
    name: str


def find_files(patterns: Sequence[str], suffixes: Collection[str]) -> list[SourceFile]:
    """The files that `patterns` name, sorted: a file, the files of `suffixes` in a folder, `*` and `**`.

    In a folder, what starts with `_` is left out, as Spark's `_temporary`.

    Raises
    ------
    UserError
        One that names no file.
    """
    paths = sorted({path.absolute() for pattern in patterns for path in _matching(pattern, suffixes)})
    shared = os.path.commonpath([path.parent for path in paths])
    return [SourceFile(path, path.relative_to(shared).as_posix()) for path in paths]


def one_file(path: Path) -> SourceFile:
    """A single file; UserError where it is not there."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    return SourceFile(path, path.name)


def walk(folder: Path) -> Iterator[Path]:
    """Everything below `folder` but folders, sorted; links are not followed, hidden names left out.

    `...And` is no hidden name. Raises UserError for a folder that cannot be read.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from None
    for path in entries:
        if path.name.startswith(".") and not path.name.startswith(".."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)
        else:
            yield path


def same_bytes(paths: Iterable[Path]) -> dict[Path, Path]:
    """Each file with the bytes of an earlier one in `paths`, and the first of these; no unreadable one."""
    files = [path for path in paths if path.is_file()]
    sizes = {path: path.stat().st_size for path in files}
    shared = {size for size, count in Counter(sizes.values()).items() if count > 1}
    first, twins = dict[bytes, Path](), dict[Path, Path]()
    for path in files:
        if sizes[path] not in shared:
            continue
        try:
            with path.open("rb") as file:
                digest = file_digest(file, "blake2b").digest()
        except OSError:
            continue
        if first.setdefault(digest, path) != path:
            twins[path] = first[digest]
    return twins


def _matching(pattern: str, suffixes: Collection[str]) -> list[Path]:
    path = Path(pattern)
    if path.is_file():
        return [path]
    if path.is_dir():
        wanted = f"a folder with {', '.join(sorted(suffixes))}"
        found = [inner for inner in walk(path) if _holds_data(inner, path, suffixes)]
    else:
        wanted = "a file, a folder, or a pattern such as 'plays/*.parquet'"
        below = Path(path.anchor or ".").glob(str(path.relative_to(path.anchor)))
        found = [found for found in below if found.is_file()]
    if not found:
        raise UserError(f"{pattern}: no such file; wanted {wanted}")
    return found


def _holds_data(path: Path, folder: Path, suffixes: Collection[str]) -> bool:
    parts = path.relative_to(folder).parts
    return path.suffix.lower() in suffixes and path.is_file() and not any(part[0] == "_" for part in parts)


def read_lines(file: SourceFile, set_aside: SetAside) -> Iterator[tuple[int, str]]:
    """Number, from 1, and text of every line, its end cut off; one that is not UTF-8 is set aside."""
    with file.path.open("rb") as opened:
        for number, line in enumerate(_watched(opened, file.name), 1):
            text = line.rstrip(b"\r\n").decode(errors="replace")
            if "\ufffd" in text:
                set_aside.add(file.name, number, text, "UTF-8")
            else:
                yield number, text


def _watched(lines: Iterable[bytes], name: str) -> Iterable[bytes]:
    return progress(lines, description=f"Reading {name}", unit="lines")
