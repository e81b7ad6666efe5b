"""What the bytes of an mp3 and of an Ogg file say of their sound: how much there is, what is damaged.

Ogg as in RFC 3533: its pages, and where its chained streams begin.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from earshot.audio.samples import check_format

_LOOK = 4096
"""Bytes behind the tags among which the first frame lies."""
_ID3V1 = 128  # bytes
_TOLERANCE = 0.02
"""Editors of tags leave this header as it is."""


def missing_bytes(path: Path) -> int:
    """Bytes that the Xing, Info or VBRI header of `path` counts and that are not there; 0 where it has none.

    The header's number of frames is not looked at: where the bytes are there, so is the sound.
    (Fraunhofer's VBRI: bytes at 10; Xing: flags, then frames and bytes where flags 1 and 2 say so.)
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = _end_of_id3v2(file.read(10))
        file.seek(begin)
        start = file.read(_LOOK)
    found = _counted(start)
    if found is None:
        return 0
    # counted from the header on: of its frame only a few bytes come before
    announced, there = found[1], size - begin - found[0]
    return announced - there if announced * (1 - _TOLERANCE) > there else 0


def sound_bytes(path: Path) -> int:
    """Bytes between the tags at both ends of `path` (ID3v2 before, ID3v1 behind)."""
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = _end_of_id3v2(file.read(10))
        file.seek(max(0, size - _ID3V1))
        return size - begin - (_ID3V1 if file.read(3) == b"TAG" else 0)


def _end_of_id3v2(header: bytes) -> int:
    if len(header) < 10 or not header.startswith(b"ID3"):
        return 0
    shifts = (21, 14, 7, 0)  # four bytes of seven bits each, the highest first, after a header of 10 bytes
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], shifts, strict=True))


def _counted(start: bytes) -> tuple[int, int] | None:
    """Where the header begins, and the bytes that it counts."""
    for name in (b"Xing", b"Info", b"VBRI"):
        at = start.find(name)
        if at < 0 or at + 16 > len(start):
            continue
        if name == b"VBRI":
            return at, int.from_bytes(start[at + 10 : at + 14], "big")
        flags = start[at + 7]  # last of the four bytes of flags, big-endian
        if flags & 2:
            place = at + (12 if flags & 1 else 8)
            return at, int.from_bytes(start[place : place + 4], "big")
    return None


_HEADER = struct.Struct("<4sBBqIIIB")
"""Capture pattern, version, flags, granule position, serial, sequence, checksum, number of segments."""
_FIRST = 2  # header_type_flag: first page of a logical bitstream
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """A page whose checksum is right."""

    begin: int
    end: int
    is_first: bool
    serial: int
    sequence: int
    body: bytes


@dataclass
class OggLayout:
    """Where the streams of a file lie that are chained one after another, and what is lost of them.

    Attributes
    ----------
    links
        First byte and end of each stream.
    lost_bytes
        In damaged or missing pages.
    """

    links: list[tuple[int, int]] = field(default_factory=list)
    lost_bytes: int = 0


def ogg_layout(path: Path) -> OggLayout | None:
    """The layout of an Ogg file, None of any other.

    Raises AudioError where a stream says it has absurdly many channels, before a decoder makes room for them.
    """
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _lay_out(content)


def _lay_out(content: mmap.mmap) -> OggLayout:
    layout, starts, expected, reached, was_first = OggLayout(), [0], dict[int, int](), 0, True
    for page in _pages(content):
        size = page.end - page.begin
        # pages that the count of the stream jumps over
        missing = page.sequence - expected.get(page.serial, page.sequence)
        # bytes between the pages; where none lie there whole pages were cut out, as large as this one
        layout.lost_bytes += page.begin - reached or max(0, min(missing, 1000)) * size
        if page.is_first:
            _check_stream(page.body)
            if not was_first:  # first pages side by side are streams of one link (RFC 3533, section 4)
                starts.append(page.begin)
        was_first, reached = page.is_first, page.end
        expected[page.serial] = page.sequence + 1
    if content[reached : reached + 4] == b"OggS":  # cut off within a page
        layout.lost_bytes += len(content) - reached
    layout.links = list(zip(starts, [*starts[1:], len(content)], strict=True))
    return layout


def _pages(content: mmap.mmap) -> Iterator[Page]:
    begin = content.find(b"OggS")
    while begin >= 0:
        page = _page_at(content, begin)
        if page is not None:
            yield page
        begin = content.find(b"OggS", begin + 4 if page is None else page.end)


def _page_at(content: mmap.mmap, begin: int) -> Page | None:
    if begin + _HEADER.size > len(content):
        return None
    _, _, flags, _, serial, sequence, checksum, n_segments = _HEADER.unpack_from(content, begin)
    body = begin + _HEADER.size + n_segments  # after the table of segments, a byte each
    end = body + sum(content[begin + _HEADER.size : body])  # the table holds their lengths
    if end > len(content):
        return None
    # the checksum, bytes 22 to 25, counts as 0 in itself
    unsigned = content[begin : begin + 22] + bytes(4) + content[begin + 26 : end]
    if _checksum(unsigned) != checksum:
        return None
    return Page(begin, end, bool(flags & _FIRST), serial, sequence, content[body:end])


def _checksum(page: bytes) -> int:
    """CRC-32 with zlib's polynomial, but the bits the other way round and neither start nor end inverted."""
    # zlib inverts at the start and at the end: both are undone
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)


def _check_stream(body: bytes) -> None:
    """By the identification header of Vorbis, or of Opus (RFC 7845)."""
    if body.startswith(b"\x01vorbis") and len(body) >= 16:
        # packet type and name (7 bytes), version (4), channels (1), sample rate (4)
        check_format(int.from_bytes(body[12:16], "little"), body[11])
    elif body.startswith(b"OpusHead") and len(body) >= 10:
        check_format(48000, body[9])  # Opus is always decoded at 48 kHz
