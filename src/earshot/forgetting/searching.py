"""Whether a file holds an id: as a cell of a table, a string of JSON, a value of SQLite, or a word of text.

An id of fewer than eight characters may be any number or word of a text: there it counts in quotes alone.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from earshot.forgotten import Kind

_LONG, _DEEPEST = 8, 3
PARQUET, SQLITE = b"PAR1", b"SQLite format 3\0"
_NPY, _ZIP, _GZIP, _ZLIB = b"\x93NUMPY", b"PK\x03\x04", b"\x1f\x8b", b"\x78"
INSTEAD = "(forgotten)"
"""What stands in logs where the id was."""


@dataclass(frozen=True)
class WantedId:
    """An id that is looked for, and whose it is."""

    kind: Kind
    name: str

    @cached_property
    def words(self) -> re.Pattern[str]:
        """The id as a word of a text."""
        escaped = "|".join(sorted({re.escape(self.name), re.escape(json.dumps(self.name)[1:-1])}))
        if len(self.name) < _LONG:
            return re.compile(rf"(?<=['\"])(?:{escaped})(?=\\?['\"])")
        return re.compile(rf"(?<![\w-])(?:{escaped})(?![\w-])")

    @cached_property
    def raw(self) -> re.Pattern[bytes]:
        """The id as a word of any bytes, in UTF-8 or UTF-16."""
        spelled = {json.dumps(self.name)[1:-1], self.name}
        narrow = b"|".join(sorted(re.escape(_bytes(each, "utf-8")) for each in spelled))
        wide = re.escape(_bytes(self.name, "utf-16-le"))
        return re.compile(rb"(?<![\w-])(?:" + narrow + rb")(?![\w-])|" + wide)

    @property
    def is_long(self) -> bool:
        """Whether it is so long that it is found in any bytes."""
        return len(self.name) >= _LONG

    def is_cell(self, value: Any) -> bool:
        """Whether the cell of a table is it, or has it as a part: a path, a list."""
        if isinstance(value, (list, tuple)):
            return any(map(self.is_cell, value))
        text = str(value)
        return text == self.name or (self.is_long and self.words.search(text) is not None)

    def among(self, column: str, ids: Iterable[str]) -> set[str]:
        """It, where it is one of the `ids` in that column of a delivery's table (`deliveries.dropping`)."""
        return {self.name}.intersection(ids) if column == f"{self.kind}_id" else set()

    def replaced(self, text: str) -> str:
        """`text` with `INSTEAD` in its place."""
        return self.words.sub(INSTEAD, text)


def _bytes(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass")


def file_holds(path: Path, wanted: WantedId) -> bool:
    """Whether the file at `path` holds the id."""
    return holds(path.read_bytes(), wanted)


def holds(content: bytes, wanted: WantedId, depth: int = 0) -> bool:
    """Whether a file of this content holds the id, or a file that is packed in it."""
    if content.startswith(PARQUET):
        return any(map(wanted.is_cell, _cells(content)))
    if content.startswith(_NPY):
        return any(map(wanted.is_cell, _texts_of_array(content)))
    if content.startswith(SQLITE):
        return any(_in_value(value, wanted, depth) for value in _values(content))
    if wanted.is_long and wanted.raw.search(content):
        return True
    if depth < _DEEPEST and any(holds(each, wanted, depth + 1) for each in _unpacked(content)):
        return True
    return b"\0" not in content[:4096] and _in_text(content, wanted)


def _in_text(content: bytes, wanted: WantedId) -> bool:
    text = content.decode("utf-8", "replace")
    if wanted.words.search(text):
        return True
    fields = re.compile(rf"(?:^|,){re.escape(wanted.name)}(?=,|\r?$)", re.MULTILINE)
    header = text[:1000].partition("\n")[0]
    return f"{wanted.kind}_id" in header and fields.search(text) is not None


def _in_value(value: Any, wanted: WantedId, depth: int) -> bool:
    if isinstance(value, str):
        return wanted.is_cell(value) or wanted.words.search(value) is not None
    return isinstance(value, bytes) and holds(value, wanted, depth + 1)


def _cells(content: bytes) -> Iterator[Any]:
    import pyarrow
    from pyarrow import parquet

    try:
        read = parquet.ParquetFile(io.BytesIO(content))
        for batch in read.iter_batches():
            for column in batch.columns:
                if not (pyarrow.types.is_floating(column.type) or pyarrow.types.is_boolean(column.type)):
                    # of integers no column is an id, but those that are numbers may be delivered as such
                    yield from (
                        column.unique().to_pylist()
                        if not pyarrow.types.is_nested(column.type)
                        else column.to_pylist()
                    )
    except (
        pyarrow.ArrowException,
        OSError,
    ):  # damaged: nobody reads it either
        return


def _texts_of_array(content: bytes) -> list[str]:
    import numpy as np

    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except ValueError:
        return []
    return array.ravel().tolist() if array.dtype.kind == "U" else []


def _values(content: bytes) -> Iterator[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            # a file in WAL mode cannot be opened from memory: these two bytes say which mode it is in
            connection.deserialize(content[:18] + b"\1\1" + content[20:])
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            for table in table_names(connection):
                for row in connection.execute(f"select * from {table}"):
                    yield from row
        except sqlite3.Error:
            return


def table_names(connection: sqlite3.Connection) -> list[str]:
    """Of a database, quoted."""
    found = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
    return ['"{}"'.format(name.replace('"', '""')) for (name,) in found if not name.startswith("sqlite_")]


def _unpacked(content: bytes) -> Iterator[bytes]:
    try:
        if content.startswith(_ZIP):
            with zipfile.ZipFile(io.BytesIO(content)) as read:
                yield "\n".join(read.namelist()).encode()
                for member in read.infolist():
                    yield read.read(member)
        elif content.startswith(_GZIP):
            yield gzip.decompress(content)
        elif content.startswith(_ZLIB):
            yield zlib.decompress(content)
    except (zipfile.BadZipFile, OSError, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return
