"""Zip archives from elsewhere (PKWARE's APPNOTE.TXT): what they declare is checked before it is read."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from earshot.errors import UserError

_DIRECTORY_BYTES = 1 << 20
"""Of the list of members: zipfile makes an object of some 500 bytes for every 46 of them."""
RATIO = 200
"""Bytes a packed byte may stand for. Vectors and weights hardly shrink, tables and JSON to a tenth or a
fiftieth; a bomb of zeros reaches 1,030."""
SMALL = 1 << 20
"""Smaller members may shrink as they like."""
_END, _END64, _LOCATOR = b"PK\5\6", b"PK\6\6", b"PK\6\7"


@contextmanager
def opened(path: Path) -> Iterator[ZipFile]:
    """The archive `path`, to be read.

    Raises
    ------
    UserError
        No file; not a zip archive, or a damaged one (also while it is read); bytes
        before its first or behind its last; too long a list of members; members that
        overlap; a member that is encrypted, neither plain file nor folder, packed
        otherwise than by deflate, more than 200 times as large as it is packed, or whose
        name holds a zero byte.
    """
    if not path.is_file():
        raise UserError(f"{path}: {'not a file' if path.exists() else 'not there'}")
    try:
        with path.open("rb") as file:
            _check_directory(file)
            with ZipFile(file) as read:
                _check_start(read)
                for member in read.infolist():
                    _check_member(member)
                _check_overlap(read, file)
                yield read
    except (
        BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise UserError(f"{path}: not a whole archive: {error}") from None


def _check_directory(file: BinaryIO) -> None:
    """The end record must be the last 22 bytes, and the list of members before it short."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 98))  # 56 + 20 more where a zip64 record and its locator stand before
    tail = file.read()
    if tail[-22:-18] != _END or tail[-2:] != b"\0\0":  # the length of a comment
        raise BadZipFile(
            f"it does not end as a zip archive does, but with {tail[-22:]!r}: cut short, or something "
            "stands behind it"
        )
    n_bytes = struct.unpack("<I", tail[-10:-6])[0]  # size of the central directory (APPNOTE 4.3.16)
    if tail[-42:-38] == _LOCATOR:  # 20 bytes, right before the end record (4.3.15)
        if tail[-98:-94] != _END64:
            raise BadZipFile("its zip64 record is not where it must be")
        n_bytes = struct.unpack("<Q", tail[-58:-50])[0]  # the same field in 64 bits (4.3.14)
    if n_bytes > _DIRECTORY_BYTES:
        raise BadZipFile(f"a list of members of {n_bytes:,} bytes; wanted at most {_DIRECTORY_BYTES:,}")
    file.seek(0)


def _check_start(read: ZipFile) -> None:
    first = min((member.header_offset for member in read.infolist()), default=0)
    if first != 0:
        raise BadZipFile(f"something stands before its first member: {first:,} bytes")


def _check_member(member: ZipInfo) -> None:
    name = repr(member.orig_filename)
    kind = stat.S_IFMT(member.external_attr >> 16)  # the high 16 bits are Unix's st_mode
    if member.filename != member.orig_filename:  # zipfile cuts a name at a zero byte
        raise BadZipFile(f"{name}: not a name")
    if member.flag_bits & 0x1:  # bit 0 of the general purpose flags
        raise BadZipFile(f"{name}: encrypted")
    if kind not in (0, stat.S_IFREG) and not (kind == stat.S_IFDIR and member.is_dir()):
        raise BadZipFile(f"{name}: a link or folder; wanted plain files")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise BadZipFile(f"{name}: packed by method {member.compress_type}; wanted stored or deflated")
    if member.file_size > max(SMALL, RATIO * member.compress_size):
        packed = f"{member.file_size:,} bytes packed into {member.compress_size:,}"
        raise BadZipFile(f"{name}: {packed}; wanted at most {RATIO} times as many")


def _check_overlap(read: ZipFile, file: BinaryIO) -> None:
    """Members may share their bytes, so that a file stands for as many times its size as it has members."""
    n_bytes = sum(member.compress_size for member in read.infolist())
    if n_bytes > file.seek(0, 2):
        raise BadZipFile(f"members of {n_bytes:,} packed bytes, more than it has; wanted none that overlap")


def blocks(read: ZipFile, member: ZipInfo, n_bytes: int = 1 << 20) -> Iterator[bytes]:
    """The content of `member`, block by block; BadZipFile as soon as it is not as long as it says."""
    left = member.file_size
    with read.open(member) as source:
        while block := source.read(n_bytes):
            left -= len(block)
            if left < 0:
                break
            yield block
    if left:
        raise BadZipFile(f"{member.filename!r}: not the {member.file_size:,} bytes that it says")
