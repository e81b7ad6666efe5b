"""The footer of a parquet file, read here: of one that is damaged pyarrow ends the whole process.

`pyarrow.parquet.RowGroupMetaData.column` (26.0) lets a C++ exception out, which nothing can
catch, for example where the statistics of sizes do not fit their column.

References
----------
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from earshot.errors import UserError

_ROW_GROUPS, _COLUMNS, _META_DATA = 4, 1, 3
"""Of FileMetaData, RowGroup, ColumnChunk."""
_TYPE, _ENCODINGS, _NUM_VALUES, _TOTAL_UNCOMPRESSED_SIZE = 1, 2, 5, 6
"""Of ColumnMetaData."""
_BYTE_ARRAY = 6
_DELTA = {5, 6, 7}
"""DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY"""


@dataclass(frozen=True)
class Chunk:
    """A column in a row group, as the footer describes it.

    Attributes
    ----------
    place
        Of the column among the schema's leaves.
    is_text, is_delta
        Whether it holds byte arrays, and whether some of its pages are encoded as differences.
    values, unpacked
        How many values, and how many bytes once they are not compressed.
    """

    place: int
    is_text: bool
    is_delta: bool
    values: int
    unpacked: int


def read_chunks(path: Path, n_columns: int) -> Iterator[Chunk]:
    """All columns of all row groups.

    Parameters
    ----------
    n_columns
        How many leaves the schema has.

    Raises
    ------
    UserError
        The footer is no footer, or its row groups have other columns than its schema.
    """
    with path.open("rb") as opened:
        end = opened.seek(0, 2)
        opened.seek(max(end - 8, 0))
        size = int.from_bytes(opened.read(4), "little")  # a file ends: footer, its length (4 bytes), "PAR1"
        opened.seek(max(end - 8 - size, 0))
        content = opened.read(size)
    try:
        for group in _Compact(content).struct()[_ROW_GROUPS]:
            if len(group[_COLUMNS]) != n_columns:
                raise UserError(
                    f"{path}: not readable as parquet: a row group of {len(group[_COLUMNS])} columns: "
                    f"wanted {n_columns}"
                )
            for place, column in enumerate(group[_COLUMNS]):
                metadata = column[_META_DATA]
                is_delta = not _DELTA.isdisjoint(metadata[_ENCODINGS])
                counts = int(metadata[_NUM_VALUES]), int(metadata[_TOTAL_UNCOMPRESSED_SIZE])
                yield Chunk(place, metadata[_TYPE] == _BYTE_ARRAY, is_delta, *counts)
    except (LookupError, TypeError, ValueError, RecursionError):
        raise UserError(f"{path}: not readable as parquet: its footer is damaged") from None


class _Compact:
    """Thrift's compact protocol: structs as dictionaries by the numbers of their fields."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():  # a byte of 0 ends a struct
            # high bits: step from the number of the last field; 0: the number itself follows
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15  # low bits: its type
            # true and false are types of their own, without a value
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        match kind:
            case 1 | 2 | 3:  # an element of a list that is true or false has a byte to itself
                return self._byte()
            case 4 | 5 | 6:  # integers of 16, 32, 64 bits
                return self._zigzag()
            case 7:  # double
                return self._skip(8)
            case 8:  # bytes or text
                return self._skip(self._varint())
            case 9 | 10:  # list, set
                head = self._byte()
                size = head >> 4 if head >> 4 < 15 else self._varint()  # 15: the size follows
                return [self._value(head & 15) for _ in range(size)]
            case 11:  # map; an empty one has no byte of types
                kinds = self._byte() if (size := self._varint()) else 0
                return [(self._value(kinds >> 4), self._value(kinds & 15)) for _ in range(size)]
            case 12:  # struct
                return self.struct()
            case 13:  # UUID
                return self._skip(16)
        raise ValueError(kind)

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _varint(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            number |= (byte & 127) << shift  # seven bits a byte, the lowest first; the eighth: more follow
            if byte < 128:
                return number
        raise ValueError("a number of more than 64 bits")

    def _zigzag(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)  # 0, 1, 2, 3, ... are 0, -1, 1, -2, ...

    def _skip(self, size: int) -> None:
        """Of texts nothing is wanted."""
        self._at += size
        if self._at > len(self._content):
            raise IndexError(self._at)
