"""Files as they were downloaded: what is packed in them as streams of bytes, one after the other.

zip (APPNOTE 6.3), tar (POSIX.1-2001), gzip (RFC 1952), bzip2, xz, Zstandard (RFC 8878), told by their first
bytes, and a tar packed in one of these. Nothing is unpacked to disk, nor held in memory whole.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from earshot.datasets.importing.sources import SourceFile
from earshot.errors import UserError

PACKED_SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".txz", ".zst", ".tzst")

_BUFFER_BYTES = 1 << 20
_DAMAGED = (
    *(OSError, EOFError, zlib.error, lzma.LZMAError),
    *(zipfile.BadZipFile, NotImplementedError, tarfile.TarError),
)


def unpacked(file: SourceFile) -> Iterator[tuple[str, BinaryIO]]:
    """What `file` holds: each member's name, for reports, and its bytes, to be read before the next.

    Raises
    ------
    UserError
        It is cut off, damaged, or locked with a password.
    """
    with damage_told(file), file.path.open("rb") as opened:
        if opened.peek(4).startswith(b"PK\3\4"):
            yield from _zipped(file.name, opened)
            return
        stream = _decompressed(opened)
        if stream.peek(512)[257:262] == b"ustar":
            yield from _tarred(file.name, stream)
        else:
            yield file.name, cast(BinaryIO, stream)


@contextmanager
def damage_told(file: SourceFile) -> Iterator[None]:
    """What goes wrong while `file` is unpacked, as a UserError."""
    try:
        yield
    except _DAMAGED as error:
        raise UserError(f"{file.path}: cannot be unpacked: {error}; wanted a whole file") from None


def _decompressed(opened: io.BufferedReader) -> io.BufferedReader:
    """The bytes that are packed in `opened`, or its own."""
    first = opened.peek(6)
    if first.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        return io.BufferedReader(pyarrow.input_stream(opened, compression="zstd"), _BUFFER_BYTES)
    if first.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.GzipFile(fileobj=opened), _BUFFER_BYTES)
    if first.startswith(b"BZh"):
        return io.BufferedReader(bz2.BZ2File(opened), _BUFFER_BYTES)
    if first.startswith(b"\xfd7zXZ\0"):
        return io.BufferedReader(lzma.LZMAFile(opened), _BUFFER_BYTES)
    return opened


def _zipped(name: str, opened: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    with zipfile.ZipFile(opened) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            if not member.is_dir():
                if member.flag_bits & 1:
                    raise zipfile.BadZipFile(f"{member.filename} is locked with a password")
                with archive.open(member) as inner:
                    yield f"{name}/{member.filename}", cast(BinaryIO, inner)


def _tarred(name: str, stream: io.BufferedReader) -> Iterator[tuple[str, BinaryIO]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.isfile() and (inner := archive.extractfile(member)):
                with inner:
                    yield f"{name}/{member.name}", cast(BinaryIO, inner)
