"""Bounds on what is read of a table that somebody else wrote, looked at before it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from earshot.errors import UserError

_MAX_COLUMNS = 2_000
_MAX_EMPTY_FIELDS = 20_000_000


def refuse_wide(path: Path, columns: int) -> None:
    """UserError for more than 2,000 columns, each of which costs time and memory."""
    if columns > _MAX_COLUMNS:
        raise UserError(f"{path}: has {columns:,} columns: wanted at most {_MAX_COLUMNS:,}")


def with_few_empty_lines(path: Path, blocks: Iterable[bytes], separator: str) -> Iterator[bytes]:
    """The text of `blocks`; UserError as soon as it has too many empty lines.

    An empty line costs a reader as much as one with all columns, in one byte: with two columns ten
    million of them are allowed, with 2,000 columns ten thousand.
    """
    found = columns = 0
    for block in blocks:
        columns = columns or block.partition(b"\n")[0].count(separator.encode()) + 1
        found += 2 * block.count(b"\n\n")  # of a run every other is counted
        if b"\r" in block:
            found += 2 * (block.count(b"\n\r\n") + block.count(b"\r\r"))
        if found * columns > _MAX_EMPTY_FIELDS:
            raise UserError(
                f"{path}: has more than {_MAX_EMPTY_FIELDS // columns:,} empty lines: "
                f"wanted at most that many in a table of {columns} columns"
            )
        yield block
