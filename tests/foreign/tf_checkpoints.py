"""Writes checkpoints as TensorFlow's V2 format has them: an index of one block, and one file of numbers."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

MAGIC = 0xDB4775248B80FB57


def write_checkpoint(tensors: Mapping[str, np.ndarray]) -> tuple[bytes, bytes]:
    """The content of `.index` and of `.data-00000-of-00001`; dtypes float32 and int64."""
    rows = [(b"", field(1, 1))]  # the header: one data file
    data = b""
    for name in sorted(tensors):
        value = tensors[name]
        axes = b"".join(field(2, field(1, length)) for length in value.shape)
        kind = {"float32": 1, "int64": 9}[value.dtype.name]
        entry = field(1, kind) + field(2, axes) + (field(4, len(data)) if data else b"")
        entry += field(5, value.nbytes) + varint(6 << 3 | 5) + b"crc."  # a fixed32, which nobody reads here
        rows.append((name.encode(), entry))
        data += value.tobytes()
    packed = b"\0crc."  # behind each block: not packed, and its checksum
    block = table_block(rows)
    handle = varint(0) + varint(len(block))
    statistics, blocks = table_block([]), table_block([(rows[-1][0], handle)])
    index = block + packed + statistics + packed + blocks + packed
    at = len(block) + len(packed)
    footer = varint(at) + varint(len(statistics))
    footer += varint(at + len(statistics) + len(packed)) + varint(len(blocks))
    return index + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC), data


def table_block(rows: list[tuple[bytes, bytes]]) -> bytes:
    """Each key without what it shares with the one before."""
    block, before = b"", b""
    for key, value in rows:
        shared = next(
            (n for n, (a, b) in enumerate(zip(key, before, strict=False)) if a != b),
            min(len(key), len(before)),
        )
        block += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return block + struct.pack("<II", 0, 1)  # where to start over: at 0 alone


def field(number: int, content: int | bytes) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    first = value & 0x7F
    return bytes([first | 0x80]) + varint(value >> 7) if value >> 7 else bytes([first])
