"""Text as pyarrow's CSV reader takes it: UTF-8, a separator of one character, an end to every line."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from earshot.datasets.importing.unpacking import decompressed
from earshot.errors import UserError
from earshot.foreign.bounds import HEAD_BYTES, foreign_kind, with_bounded_lines
from earshot.foreign.quoting import OpenQuote, closed_quotes
from earshot.processes import core_count

_LINE_END = re.compile(rb"[\r\n]")
_UNIT = "\x1f"
"""ASCII's own separator of columns."""
_OPEN, _QUOTE = b"\x1e", b"\x1d"
"""What marks a line in which a quote opens and is never closed, and what stands there for a quote."""


def one_character(separator: str) -> str:
    """What stands for `separator` in `blocks_of_lines`."""
    return separator if len(separator) == 1 else _UNIT


def unclosed_line(text: str) -> str | None:
    """The line for which `TextStream` put `text` because of an unclosed quote; None for any other."""
    if not text.startswith(_OPEN.decode()):
        return None
    return text[1:].rpartition(_OPEN.decode())[0].replace(_QUOTE.decode(), '"')


class TextStream:
    """A text file with quoted values, packed or not, as an open file.

    What is not UTF-8 becomes U+FFFD, since pyarrow gives a whole file up on it. A line
    in which a quote opens and is never closed (`earshot.foreign.quoting`) becomes a line of too many columns,
    which pyarrow refuses alone; see `unclosed_line`.
    """

    closed = False

    def __init__(self, path: Path, separator: str, block_bytes: int) -> None:
        def replace(quote: OpenQuote) -> bytes:
            if not quote.offset:
                raise UserError(f"{path}: line 1: a quote opens and is never closed: {quote.shown!r}")
            too_many = separator.encode() * (quote.separators + 1)
            return _OPEN + quote.line.replace(b'"', _QUOTE) + _OPEN + too_many

        self._blocks = closed_quotes(_text(path, separator, block_bytes), separator, replace)
        self._ready = b""

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer at the end alone: pyarrow gives up on a line that lies in three reads."""
        while len(self._ready) < size and (block := next(self._blocks, None)) is not None:
            self._ready += block
        part, self._ready = self._ready[:size], self._ready[size:]
        return part

    def readable(self) -> bool:
        """Always True; pyarrow wants a file object with this method."""
        return True

    def close(self) -> None:
        """Set `closed`; the file itself is closed when its blocks have been read or dropped."""
        self.closed = True


def blocks_of_lines(path: Path, separator: str, block_bytes: int) -> Iterator[bytes]:
    """The text of a `TextStream` in parts of whole lines, hardly one of more than `block_bytes`.

    Raises
    ------
    UserError
        A line that is longer.
    """
    held = b""
    for block in _text(path, separator, block_bytes // 2):
        end = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1  # "\n" may follow a last "\r"
        if end:
            lines, held = b"".join((held, memoryview(block)[:end])), b""
            yield lines if len(separator) == 1 else lines.replace(separator.encode(), _UNIT.encode())
        held += block[end:]
        if len(held) > block_bytes:
            raise UserError(f"{path}: not readable as text: a line is longer than {block_bytes:,} bytes")


def header_width(path: Path, separator: str, block_bytes: int) -> int:
    """How many columns the first line has, quotes not looked at; of no text one."""
    first = next(_text(path, separator, block_bytes), b"")
    return _LINE_END.split(first, maxsplit=1)[0].count(separator.encode()) + 1


def _text(path: Path, separator: str, block_bytes: int) -> Iterator[bytes]:
    text = _text_alone(path, _unpacked(path, block_bytes))
    return _ended(_decoded(with_bounded_lines(path, text, separator)))


def _text_alone(path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """UserError where they are no text, naming what they are."""
    for number, block in enumerate(blocks):
        if not number and (kind := foreign_kind(block[:HEAD_BYTES])):
            raise UserError(
                f"{path}: is {kind}: wanted text in UTF-8 with separators, or parquet named .parquet"
            )
        yield block


def _unpacked(path: Path, block_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as opened:
        stream = decompressed(opened)
        while block := stream.read(block_bytes):
            yield block


def _decoded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for block in blocks:
        cut_character = decoder.getstate()[0]  # bytes of a character that the block before cut
        yield block if block.isascii() and not cut_character else decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _ended(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """With a line end after the last line: pyarrow cannot count the columns of a single one without."""
    held = b""
    for block in blocks:
        if held and block:
            yield held
        held = block or held
    yield held if held.endswith(b"\n") or not held else held + b"\n"


Result = TypeVar("Result")

_MOST_THREADS = 4  # more would wait for the one that reads the file


def in_threads(function: Callable[..., Result], *items: Iterable[Any]) -> Iterator[Result]:
    """`map`'s results in order, few of them ahead of who takes them."""
    n_threads = min(core_count(), _MOST_THREADS)
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(n_threads) as threads:
        for arguments in zip(*items, strict=True):
            waiting.append(threads.submit(function, *arguments))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
