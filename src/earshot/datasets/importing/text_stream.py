"""Text as pyarrow's CSV reader takes it: UTF-8, a separator of one character, an end to every line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

_UNIT = "\x1f"
"""ASCII's own separator of columns."""


def one_character(separator: str) -> str:
    """What stands for `separator` in a `TextStream`."""
    return separator if len(separator) == 1 else _UNIT


class TextStream:
    """A text file, packed or not, as an open file.

    What is not UTF-8 becomes U+FFFD, since pyarrow gives a whole file up on it.
    """

    closed = False

    def __init__(self, path: Path, separator: str, block_bytes: int) -> None:
        blocks = _ended(_decoded(_packed_or_not(path, block_bytes)))
        self._blocks = blocks if len(separator) == 1 else _separated(blocks, separator)
        self._ready = b""

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer at the end alone: pyarrow gives up on a line that lies in three reads."""
        while len(self._ready) < size and (block := next(self._blocks, None)) is not None:
            self._ready += block
        part, self._ready = self._ready[:size], self._ready[size:]
        return part

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _packed_or_not(path: Path, block_bytes: int) -> Iterator[bytes]:
    import pyarrow

    with pyarrow.input_stream(path, compression="detect") as opened:
        while block := opened.read(block_bytes):
            yield block


def _decoded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for block in blocks:
        cut_character = decoder.getstate()[0]
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


def _separated(blocks: Iterator[bytes], separator: str) -> Iterator[bytes]:
    """With `_UNIT` for a longer `separator`, which may lie across two blocks."""
    held = b""
    for block in blocks:
        lines, end, held = (held + block).rpartition(b"\n")
        yield (lines + end).replace(separator.encode(), _UNIT.encode())
