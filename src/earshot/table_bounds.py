"""Bounds on what is read of a table that somebody else wrote, looked at before it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from earshot.errors import UserError

_MAX_COLUMNS = 2_000
_MAX_EMPTY_FIELDS = 20_000_000
MAX_LINE_BYTES = 4 << 20
_SHORTEST_LINE = 4
_WHOLE_BLOCK_BYTES = 1 << 20
_LINE_ENDS = (b"\n", b"\r")


def refuse_wide(path: Path, columns: int) -> None:
    """UserError for more than 2,000 columns, each of which costs time and memory."""
    if columns > _MAX_COLUMNS:
        raise UserError(f"{path}: has {columns:,} columns: wanted at most {_MAX_COLUMNS:,}")


def named_columns(columns: Iterable[str]) -> str:
    """The names of the columns of somebody's table, for a message: the first 20, of each 80 characters."""
    names = list(columns)
    return ", ".join(repr(name[:80]) for name in names[:20]) + (", ..." if len(names) > 20 else "")


def with_bounded_lines(path: Path, blocks: Iterable[bytes], separator: str) -> Iterator[bytes]:
    """The text of `blocks`; UserError as soon as its lines cannot be rows that somebody needs.

    One is longer than 4 MiB, give or take a block; too many are empty, each of which costs a reader as much
    as one with all columns (with two columns ten million are allowed, with 2,000 ten thousand); or
    those of a whole block are so short that no two ids fit in, so that a reader has hundreds of millions.
    """
    empty = columns = held = line = 0
    for block in blocks:
        first = min((place for end in _LINE_ENDS if (place := block.find(end)) >= 0), default=len(block))
        if held + first > MAX_LINE_BYTES:
            raise UserError(f"{path}: line {line + 1} is longer than {MAX_LINE_BYTES >> 20} MiB")
        last = max(map(block.rfind, _LINE_ENDS))
        held = len(block) - last - 1 if last >= 0 else held + len(block)
        columns = columns or block[:first].count(separator.encode()) + 1
        lines = block.count(b"\n") or block.count(b"\r")
        if columns > 1 and len(block) >= _WHOLE_BLOCK_BYTES and lines * _SHORTEST_LINE > len(block):
            raise UserError(
                f"{path}: line {line + 1} and those that follow have fewer than {_SHORTEST_LINE} bytes "
                "on average: wanted rows"
            )
        line += lines
        if b"\n\n" in block:  # looking takes less than counting
            empty += 2 * block.count(b"\n\n")  # of a run every other is counted
        if b"\r" in block:
            empty += 2 * (block.count(b"\n\r\n") + block.count(b"\r\r"))
        if empty * columns > _MAX_EMPTY_FIELDS:
            raise UserError(
                f"{path}: has more than {_MAX_EMPTY_FIELDS // columns:,} empty lines: "
                f"wanted at most that many in a table of {columns} columns"
            )
        yield block
