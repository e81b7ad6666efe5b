"""Tables that somebody else wrote: what a file is by its first bytes, and bounds on what is read of it."""

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
        # bytes so far of the line that goes on in the next block
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


_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"\xfd7zXZ\x00", "packed with xz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"BZh", "packed with bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x04\x22\x4d\x18", "packed with lz4"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1", "an Arrow file"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "RTF"),
    (b"\xff\xfe\x00\x00", "UTF-32 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
HEAD_BYTES = 4096


def foreign_kind(head: bytes) -> str | None:
    """What starts with the bytes `head` and is no text in UTF-8; None where it may be such a text.

    >>> foreign_kind(b"PAR1....")
    'parquet'
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature) and (signature != b"ORC" or b"\x00" in head[:64]):
            return _workbook(head) if kind.startswith("a zip") else kind
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        return "HTML or XML"
    if start.startswith((b'{"', b'[{"', b"[\n", b"{\n")) or start in (b"{}", b"[]"):
        return "JSON"
    # every other byte is zero: Latin letters in two bytes each, or four
    if len(head) >= 8 and (head[1:64:2].strip(b"\x00") == b"" or head[0:64:2].strip(b"\x00") == b""):
        return "UTF-16 or UTF-32 text"
    return None


def _workbook(head: bytes) -> str:
    if b"[Content_Types].xml" in head or b"xl/" in head:
        return "an Excel workbook"
    return "a zip archive"
