"""The footer of a parquet file, read here: of one that is damaged pyarrow ends the whole process.

`pyarrow.parquet.RowGroupMetaData.column` (26.0) lets a C++ exception out, which nothing can
catch, for example where the statistics of sizes do not fit their column.

References
----------
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from earshot.errors import UserError

_ROW_GROUPS, _COLUMNS, _META_DATA, _TOTAL_UNCOMPRESSED_SIZE = 4, 1, 3, 6
"""Of FileMetaData, RowGroup, ColumnChunk, ColumnMetaData."""


def column_sizes(path: Path) -> list[list[int]]:
    """Of each row group how many bytes its columns have unpacked, in the order of the schema's leaves.

    Raises
    ------
    UserError
        The footer is no footer, or does not say it.
    """
    with path.open("rb") as opened:
        end = opened.seek(0, 2)
        opened.seek(max(end - 8, 0))
        size = int.from_bytes(opened.read(4), "little")
        opened.seek(max(end - 8 - size, 0))
        content = opened.read(size)
    try:
        footer = _Compact(content).struct()
        return [
            [int(column[_META_DATA][_TOTAL_UNCOMPRESSED_SIZE]) for column in group[_COLUMNS]]
            for group in footer[_ROW_GROUPS]
        ]
    except (LookupError, TypeError, ValueError, RecursionError):
        raise UserError(f"{path}: not readable as parquet: its footer is damaged") from None


class _Compact:
    """Thrift's compact protocol: structs as dictionaries by the numbers of their fields."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def struct(self) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return fields

    def _value(self, kind: int) -> Any:
        match kind:
            case 1 | 2 | 3:  # an element of a list that is true or false has a byte to itself
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._skip(8)
            case 8:
                return self._skip(self._varint())
            case 9 | 10:
                head = self._byte()
                size = head >> 4 if head >> 4 < 15 else self._varint()
                return [self._value(head & 15) for _ in range(size)]
            case 11:
                kinds = self._byte() if (size := self._varint()) else 0
                return [(self._value(kinds >> 4), self._value(kinds & 15)) for _ in range(size)]
            case 12:
                return self.struct()
            case 13:
                return self._skip(16)
        raise ValueError(kind)

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _varint(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ValueError("a number of more than 64 bits")

    def _zigzag(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)

    def _skip(self, size: int) -> None:
        """Of texts nothing is wanted."""
        self._at += size
        if self._at > len(self._content):
            raise IndexError(self._at)
