"""tar (POSIX.1-2001 pax, and GNU's long names) as a stream.

Python's tarfile holds every header it has seen, and reads those of long names and sparse files whole,
however large they say they are.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

_BLOCK_BYTES = tarfile.BLOCKSIZE
_NAME_BYTES = 1 << 16
"""Of a pax header or a long name."""
_MOST_HEADERS = 20_000
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


def is_tar(start: bytes) -> bool:
    """Whether this is how a tar starts."""
    return start[257:262] == b"ustar"  # a header's field `magic`


def tar_members(stream: io.BufferedReader) -> Iterator[tuple[str, BinaryIO]]:
    """The name of each file in a tar, and its bytes, to be read before the next; links are left out.

    Raises
    ------
    tarfile.TarError, EOFError
        It is damaged or cut off, a name in it is longer than 64 KiB, or it has more than 20,000 headers.
    """
    fields: dict[str, str] = {}
    for _ in range(_MOST_HEADERS):
        if (header := _next_header(stream)) is None:
            break
        if header.type in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
            fields |= _fields_of(header, _read_name(stream, header))
            continue
        size = int(fields.get("size", header.size))
        member = cast(BinaryIO, io.BufferedReader(_Member(stream, size)))
        if header.type in _FILES:
            yield fields.get("path", header.name), member
        _read_through(member)
        _read(stream, -size % _BLOCK_BYTES)  # padding to whole blocks of 512 bytes
        if header.type not in (tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE):
            fields = {}
    else:
        raise tarfile.ReadError(f"more than {_MOST_HEADERS:,} headers; wanted at most that many")
    _read_through(cast(BinaryIO, stream))  # so that what it is packed in is checked to its end


def _read_through(stream: BinaryIO) -> None:
    while stream.read(1 << 20):
        pass


def _next_header(stream: BinaryIO) -> tarfile.TarInfo | None:
    """None at the end."""
    block = stream.read(_BLOCK_BYTES)
    if not block.strip(b"\0"):
        return None
    return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")


def _read_name(stream: BinaryIO, header: tarfile.TarInfo) -> bytes:
    if header.size > _NAME_BYTES:
        raise tarfile.ReadError(f"a name of {header.size:,} bytes; wanted at most {_NAME_BYTES:,}")
    return _read(stream, header.size + -header.size % _BLOCK_BYTES)[: header.size]


def _read(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError(f"it ends within a member: {len(content):,} of {size:,} bytes")
    return content


def _fields_of(header: tarfile.TarInfo, content: bytes) -> dict[str, str]:
    """What a header says of the member that follows: its `path` and `size`, where it does."""
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": content.rstrip(b"\0").decode(errors="surrogateescape")}
    fields = {}
    while content:
        length = content.partition(b" ")[0]  # of the record, itself and its line end included
        if not length.isdigit() or not 0 < int(length) <= len(content):
            raise tarfile.ReadError(f"a pax header that starts with {length[:40]!r}; wanted its length")
        record, content = content[len(length) + 1 : int(length) - 1], content[int(length) :]
        key, _, value = record.partition(b"=")
        fields[key.decode(errors="replace")] = value.decode(errors="surrogateescape")
    if not fields.get("size", "0").isdecimal():
        raise tarfile.ReadError(f"a size of {fields['size'][:40]!r}")
    return {key: value for key, value in fields.items() if key in ("path", "size")}


class _Member(io.RawIOBase):
    """The next `size` bytes of a stream."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left = stream, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview[int]) -> int:  # type: ignore[override]
        part = self._stream.read(min(len(buffer), self._left))
        if self._left and not part:
            raise EOFError(f"it ends within a member: {self._left:,} bytes are missing")
        buffer[: len(part)] = part
        self._left -= len(part)
        return len(part)
