"""Files as they were downloaded: what is packed in them as streams of bytes, one after the other.

zip (APPNOTE 6.3), tar (POSIX.1-2001), gzip (RFC 1952), bzip2, xz, Zstandard (RFC 8878), told by their first
bytes, and a tar packed in one of these. Nothing is unpacked to disk, nor held in memory whole, and no
more comes out than a file of that size may hold.
"""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from earshot.datasets.importing.sources import SourceFile
from earshot.datasets.importing.tar_stream import is_tar, tar_members
from earshot.errors import UserError
from earshot.foreign import zips

PACKED_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".txz", ".zst", ".tzst")

_BUFFER_BYTES = 1 << 20
_RATIO = 100
"""Bytes a packed byte may stand for. Listens shrink to a tenth or a thirtieth, zeros to a thousandth."""
_SPARE_BYTES = 64 << 20
_XZ_BYTES = 256 << 20
"""Of memory; its best preset takes 65 MiB."""
_CODECS = ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"))
DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)


def unpacked(file: SourceFile) -> Iterator[tuple[str, BinaryIO]]:
    """What `file` holds: each member's name, for reports, and its bytes, to be read before the next.

    Raises
    ------
    UserError
        It is cut off, damaged, locked with a password, or holds too much for its size.
    """
    with damage_told(file), file.path.open("rb") as opened:
        if opened.peek(4).startswith(b"PK\3\4"):
            yield from _zipped(file)
            return
        stream = decompressed(opened)
        if is_tar(stream.peek(512)):
            for name, member in tar_members(stream):
                yield f"{file.name}/{name}", member
        else:
            yield file.name, cast(BinaryIO, stream)


@contextmanager
def damage_told(file: SourceFile) -> Iterator[None]:
    """What goes wrong while `file` is unpacked, as a UserError."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, *DAMAGED) as error:
        raise UserError(f"{file.path}: cannot be unpacked: {error}; wanted a whole file") from None


def decompressed(opened: io.BufferedReader) -> io.BufferedReader:
    """The bytes that are packed in `opened`, or its own.

    While it is read: one of `DAMAGED` where it is that, or wants too much memory (128 MiB of zstd, 256 MiB
    of xz); UserError as soon as more than 100 times its size comes out, 64 MiB besides.
    """
    start = opened.peek(6)
    codec = next((codec for first, codec in _CODECS if start.startswith(first)), None)
    if codec is None:
        return opened
    if codec == "xz":
        return io.BufferedReader(_Bounded(opened, cast(BinaryIO, _Xz(opened))), _BUFFER_BYTES)
    if codec == "bz2":  # Arrow fails at a stream of nothing between others
        return io.BufferedReader(_Bounded(opened, cast(BinaryIO, bz2.BZ2File(opened))), _BUFFER_BYTES)
    import pyarrow

    return io.BufferedReader(_Bounded(opened, pyarrow.input_stream(opened, compression=codec)), _BUFFER_BYTES)


class _Bounded(io.RawIOBase):
    """What is unpacked of a file, as long as it is not too much for what is packed."""

    def __init__(self, packed: io.BufferedReader, content: BinaryIO) -> None:
        self._packed, self._content = packed, content
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview[int]) -> int:  # type: ignore[override]
        part = self._content.read(len(buffer))
        buffer[: len(part)] = part
        self._given += len(part)
        if self._given > _RATIO * (n_packed := self._packed.tell()) + _SPARE_BYTES:
            raise UserError(
                f"{self._packed.name}: its first {n_packed:,} bytes hold more than {self._given - 1:,}: "
                f"wanted at most {_RATIO} times as many, {_SPARE_BYTES >> 20} MiB besides"
            )
        return len(part)


class _Xz:
    """lzma.LZMAFile bounds no dictionary, which a file may make as large as 4 GiB."""

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._decompressor = self._new()

    @staticmethod
    def _new() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_BYTES)

    def read(self, size: int) -> bytes:
        """At least a byte, but for the end of the last stream."""
        while True:
            if self._decompressor.eof:
                rest = self._decompressor.unused_data or self._packed.read(_BUFFER_BYTES)
                rest = rest.lstrip(b"\0")  # padding between streams
                if not rest:
                    return b""
                self._decompressor = self._new()
            else:
                rest = self._packed.read(_BUFFER_BYTES) if self._decompressor.needs_input else b""
                if not rest and self._decompressor.needs_input:
                    raise EOFError("it ends within a stream")
            if part := self._decompressor.decompress(rest, size):
                return part


def _zipped(file: SourceFile) -> Iterator[tuple[str, BinaryIO]]:
    with zips.opened(file.path) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            if not member.is_dir():
                with archive.open(member) as inner:
                    yield (
                        f"{file.name}/{member.filename}",
                        cast(BinaryIO, io.BufferedReader(inner, _BUFFER_BYTES)),
                    )
