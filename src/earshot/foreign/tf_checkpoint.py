"""TensorFlow's checkpoints (V2, `.index` and `.data-00000-of-00001`), read without TensorFlow.

The index is a table of LevelDB (`table_format.md` there): blocks of keys and values, a footer that says where
the block of blocks is. Its values are protocol buffers, `tensor_bundle.proto` of TensorFlow: of what type and
shape a tensor is, and which bytes of the data are its numbers.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError

_FOOTER_BYTES = 48
_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_FLOAT = 1
"""DT_FLOAT of `types.proto`."""
_VARINT, _LENGTH, _FIXED32, _FIXED64 = 0, 2, 5, 1  # wire types


def read_tensors(index: bytes, data: bytes, where: str) -> dict[str, NDArray[np.float32]]:
    """Its tensors of float32 by name, each in its shape; others, such as counters of int64, are left out.

    Parameters
    ----------
    index, data
        The content of the two files.
    where
        What errors call the checkpoint.

    Raises
    ------
    UserError
        Bytes that are no checkpoint, one of several data files, or one that is cut short.
    """
    try:
        entries = [_Entry.parse(key, value) for key, value in _rows(index) if key]  # "" is the header's key
        return {entry.name: entry.numbers(data) for entry in entries if entry.dtype == _FLOAT}
    except (IndexError, OverflowError, struct.error, ValueError) as error:
        raise UserError(f"{where}: not a whole checkpoint of TensorFlow: {error}") from None


@dataclass(frozen=True)
class _Entry:
    """A BundleEntryProto: numbers of its fields are those of `tensor_bundle.proto`."""

    name: str
    dtype: int = 0
    shape: list[int] = field(default_factory=list)
    offset: int = 0
    size: int = 0

    @classmethod
    def parse(cls, key: bytes, value: bytes) -> _Entry:
        shape: list[int] = []
        numbers = {1: 0, 3: 0, 4: 0, 5: 0}  # dtype, shard_id, offset, size
        for number, content in _fields(value):
            if number == 2 and isinstance(content, bytes):  # TensorShapeProto: a field 2 for each axis
                axes = [dict(_fields(axis)) for _, axis in _fields(content) if isinstance(axis, bytes)]
                shape = [_whole(axis.get(1, 0)) for axis in axes]
            elif number in numbers:
                numbers[number] = _whole(content)
        if numbers[3]:
            raise ValueError("it has several data files; wanted one")
        return cls(key.decode(), numbers[1], shape, numbers[4], numbers[5])

    def numbers(self, data: bytes) -> NDArray[np.float32]:
        wanted = 4 * math.prod(self.shape)
        if self.size != wanted or self.offset + self.size > len(data):
            raise ValueError(
                f"{self.name!r} of shape {tuple(self.shape)}: bytes {self.offset:,} to "
                f"{self.offset + self.size:,} of {len(data):,}; wanted {wanted:,} that are there"
            )
        return np.frombuffer(data, "<f4", math.prod(self.shape), self.offset).reshape(self.shape)


def _whole(content: int | bytes) -> int:
    if not isinstance(content, int):
        raise ValueError("a message where a number should stand")
    return content


def _rows(index: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the table."""
    footer = index[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or not footer.endswith(_MAGIC):
        raise ValueError(f"its index ends with {footer[-8:]!r}; wanted {_MAGIC!r}")
    # offset and size of a block of statistics, then of the block of blocks
    at = 0
    for _ in range(2):
        _, at = _varint(footer, at)
    for _, handle in _block(index, *_handle(footer[at:])):
        yield from _block(index, *_handle(handle))


def _handle(content: bytes) -> tuple[int, int]:
    offset, at = _varint(content, 0)
    return offset, _varint(content, at)[0]


def _block(index: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; a key says how many bytes of the key before it begins with."""
    block = index[offset : offset + size]
    if len(block) < size or index[offset + size]:  # the byte behind it: how it is packed
        raise ValueError("a block of its index is cut short or packed")
    (restarts,) = struct.unpack("<I", block[-4:])
    at, end, key = 0, size - 4 - 4 * restarts, b""
    while at < end:
        shared, at = _varint(block, at)
        n_key, at = _varint(block, at)
        n_value, at = _varint(block, at)
        key = key[:shared] + block[at : at + n_key]
        at += n_key
        yield key, block[at : at + n_value]
        at += n_value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers of the fields of a protocol buffer, and what they hold."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _LENGTH:
            n_bytes, at = _varint(message, at)
        else:
            n_bytes = {_FIXED32: 4, _FIXED64: 8}.get(wire, 0)
        if not n_bytes and wire != _LENGTH:
            raise ValueError(f"a field of wire type {wire}")
        yield number, message[at : at + n_bytes]
        at += n_bytes


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the least first, and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
