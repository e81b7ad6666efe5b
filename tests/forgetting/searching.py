"""Every file below a folder, decoded, searched for an id; knows nothing of what forgets it.

Text is looked for as UTF-8 and UTF-16, in JSON's `\\u` spelling where it has one, and after decoding in
parquet, npy and npz, zip, gzip and zlib (git's objects too), SQLite and its journals, PNG's text and pickles.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

_PARQUET, _NPY, _ZIP, _GZIP, _SQLITE = b"PAR1", b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b", b"SQLite format 3\0"
_LARGEST = 1 << 28


def holds(path: Path, wanted: str) -> bool:
    """Whether `wanted` is anywhere in the file at `path`, decoded."""
    return any(_spelled(content, wanted) for content in _decoded(path.read_bytes()))


def places(root: Path, wanted: str, leave_out: tuple[str, ...] = (".git",)) -> list[str]:
    """Paths below `root` that hold `wanted` in name or content; `leave_out` is not asked."""
    found = []
    seen: dict[int, bool] = {}  # a hard link is looked at once
    for folder, folders, files in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in leave_out]
        for name in (*folders, *files):
            path = Path(folder, name)
            shown = path.relative_to(root).as_posix()
            if wanted in name:
                found.append(shown)
            elif name in files and path.is_file() and not path.is_symlink():
                inode = path.stat().st_ino
                if inode not in seen:
                    seen[inode] = holds(path, wanted)
                if seen[inode]:
                    found.append(shown)
    return sorted(found)


def _spelled(content: bytes, wanted: str) -> bool:
    spellings = {wanted.encode(), wanted.encode("utf-16-le"), json.dumps(wanted)[1:-1].encode()}
    return any(spelling in content for spelling in spellings)


def _decoded(content: bytes, depth: int = 0) -> Iterator[bytes]:
    yield content
    if depth > 3:
        return
    if content.startswith(_PARQUET):
        yield from _parquet(content)
    elif content.startswith(_NPY):
        yield from _array(np.load(io.BytesIO(content), allow_pickle=False))
    elif content.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as read:
            for member in read.infolist():
                yield member.filename.encode()
                if member.file_size < _LARGEST:
                    yield from _decoded(read.read(member), depth + 1)
    elif content.startswith(_GZIP):
        yield from _decoded(gzip.decompress(content), depth + 1)
    elif content.startswith(_SQLITE):
        yield from _database(content, depth)
    else:
        yield from _deflated(content, depth)


def _parquet(content: bytes) -> Iterator[bytes]:
    read = pq.ParquetFile(io.BytesIO(content))
    yield str(read.schema_arrow.metadata).encode()
    for column in read.schema_arrow.names:
        values = pq.read_table(io.BytesIO(content), columns=[column])[column].to_pylist()
        yield "\n".join(map(str, values)).encode("utf-8", "replace")


def _array(array: np.ndarray) -> Iterator[bytes]:
    if array.dtype.kind in "US":
        yield "\n".join(map(str, array.ravel().tolist())).encode()


def _database(content: bytes, depth: int) -> Iterator[bytes]:
    with tempfile.NamedTemporaryFile(suffix=".db") as copy:
        copy.write(content)
        copy.flush()
        connection = sqlite3.connect(copy.name)
        connection.text_factory = bytes
        try:
            tables = [
                name.decode()
                for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
            ]
            for table in tables:
                for row in connection.execute(f'select * from "{table}"'):
                    for value in row:
                        if isinstance(value, bytes):
                            yield from _decoded(value, depth + 1)
        except sqlite3.DatabaseError:
            return
        finally:
            connection.close()


def _deflated(content: bytes, depth: int) -> Iterator[bytes]:
    """zlib streams: of a whole file, as git's objects are, and of compressed text within PNG."""
    if content[:1] == b"\x78":
        try:
            yield zlib.decompress(content)
        except zlib.error:
            return
    elif content.startswith(b"\x89PNG"):
        for match in re.finditer(rb"zTXt[^\0]{1,79}\0\0", content):
            try:
                yield zlib.decompressobj().decompress(content[match.end() :])
            except zlib.error:
                continue
    _ = depth
