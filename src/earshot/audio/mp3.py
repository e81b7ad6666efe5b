"""How many bytes of sound an mp3 has, and how many were cut off by the header in its first frame."""

from __future__ import annotations

from pathlib import Path

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
    said, there = found[1], size - begin - found[0]
    return said - there if said * (1 - _TOLERANCE) > there else 0


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
    shifts = (21, 14, 7, 0)
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], shifts, strict=True))


def _counted(start: bytes) -> tuple[int, int] | None:
    """Where the header begins, and the bytes that it counts."""
    for name in (b"Xing", b"Info", b"VBRI"):
        at = start.find(name)
        if at < 0 or at + 16 > len(start):
            continue
        if name == b"VBRI":
            return at, int.from_bytes(start[at + 10 : at + 14], "big")
        flags = start[at + 7]
        if flags & 2:
            place = at + (12 if flags & 1 else 8)
            return at, int.from_bytes(start[place : place + 4], "big")
    return None
