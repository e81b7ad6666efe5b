"""Text as pyarrow's CSV reader takes it: UTF-8, a separator of one character, an end to every line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from earshot.errors import UserError

_UNIT = "\x1f"
"""ASCII's own separator of columns."""


def one_character(separator: str) -> str:
    """What stands for `separator` in `blocks_of_lines`."""
    return separator if len(separator) == 1 else _UNIT


class TextStream:
    """A text file, packed or not, as an open file.

    What is not UTF-8 becomes U+FFFD, since pyarrow gives a whole file up on it.
    """

    closed = False

    def __init__(self, path: Path, block_bytes: int) -> None:
        self._blocks = _text(path, block_bytes)
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


def blocks_of_lines(path: Path, separator: str, block_bytes: int) -> Iterator[bytes]:
    """The text of a `TextStream` in parts of whole lines, hardly one of more than `block_bytes`.

    Raises
    ------
    UserError
        A line that is longer.
    """
    held = b""
    for block in _text(path, block_bytes // 2):
        end = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1  # "\n" may follow a last "\r"
        if end:
            lines, held = b"".join((held, memoryview(block)[:end])), b""
            yield lines if len(separator) == 1 else lines.replace(separator.encode(), _UNIT.encode())
        held += block[end:]
        if len(held) > block_bytes:
            raise UserError(f"{path}: not readable as text: a line is longer than {block_bytes:,} bytes")


def _text(path: Path, block_bytes: int) -> Iterator[bytes]:
    return _ended(_decoded(_packed_or_not(path, block_bytes)))


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
