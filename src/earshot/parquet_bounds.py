"""Bounds on what is read of a table that somebody else wrote, looked at before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earshot.errors import UserError
from earshot.parquet_footer import column_sizes

_MAX_COLUMNS = 2_000
_MAX_FOOTER_BYTES = 16 << 20
_MAX_COLUMN_BYTES = 256 << 20
"""Of a column in a row group of parquet, unpacked."""
_ROWS_A_BYTE = 100
_SPARE_ROWS = 1_000_000


def refuse_wide(path: Path, columns: int) -> None:
    """UserError for more than 2,000 columns, each of which costs time and memory."""
    if columns > _MAX_COLUMNS:
        raise UserError(f"{path}: has {columns:,} columns: wanted at most {_MAX_COLUMNS:,}")


def refuse_footer(path: Path) -> None:
    """The footer describes every column of every row group: hundreds of thousands of them take minutes."""
    with path.open("rb") as opened:
        end = opened.seek(0, 2)
        opened.seek(max(end - 8, 0))
        end_mark = opened.read(8)
    size = int.from_bytes(end_mark[:4], "little")
    if end_mark[4:] in (b"PAR1", b"PARE") and size > _MAX_FOOTER_BYTES:
        raise UserError(
            f"{path}: its footer has {size:,} bytes: wanted at most {_MAX_FOOTER_BYTES:,}; "
            "it has too many columns or row groups"
        )


def refuse_packed(path: Path, metadata: Any, columns: Sequence[str]) -> None:
    """What the metadata says of the rows and bytes that come out of the file."""
    allowed = _ROWS_A_BYTE * path.stat().st_size + _SPARE_ROWS
    if metadata.num_rows > allowed:
        raise UserError(
            f"{path}: has {metadata.num_rows:,} rows: wanted at most {allowed:,} in a file so small"
        )
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    if all(group.total_byte_size <= _MAX_COLUMN_BYTES for group in groups):
        return  # which is all its columns together
    names = [metadata.schema.column(place).path.split(".")[0] for place in range(metadata.num_columns)]
    for sizes in column_sizes(path):
        if len(sizes) != len(names):
            raise UserError(
                f"{path}: not readable as parquet: a row group of {len(sizes)} columns: wanted {len(names)}"
            )
        for name, size in zip(names, sizes, strict=True):
            if name in columns and size > _MAX_COLUMN_BYTES:
                raise UserError(
                    f"{path}: column {name} has {size:,} bytes in a row group: "
                    f"wanted at most {_MAX_COLUMN_BYTES:,}; write smaller row groups"
                )
