"""JSON as exporters write it, value by value in bounded memory: one a line, an array, or one document."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.sources import SourceFile
from earshot.datasets.importing.unpacking import damage_told, unpacked
from earshot.processes import progress

_BLOCK_BYTES = 1 << 20
_BETWEEN = re.compile(r"[ \t\r\n,\[\]]*+")
_LONGEST_BYTES = 1 << 23
"""Of one value, which takes up to 30 times as much in memory."""


def read_records(
    file: SourceFile, set_aside: SetAside, is_wanted: Callable[[str], bool]
) -> Iterator[tuple[str, int, Any]]:
    """What a file says, packed or not: the name of the file or of the member in it, line, value.

    Members that are not wanted by their name are reported in `set_aside`, a line each.
    """
    with damage_told(file), progress(description=f"Reading {file.name}", unit="records") as bar:
        for name, stream in unpacked(file):
            if not is_wanted(name):
                set_aside.add(name, None, "", "a file of plays; this one is not read")
                continue
            for line, value in _records(stream, name, set_aside):
                bar.update()
                yield name, line, value


def _records(stream: BinaryIO, name: str, set_aside: SetAside) -> Iterator[tuple[int, Any]]:
    """The lines of `stream`, or the elements of the array that it is: line number, from 1, and value.

    What is no JSON in UTF-8 is set aside: one line, or in an array all that follows.
    """
    first = stream.readline(_LONGEST_BYTES)
    start = first.removeprefix(codecs.BOM_UTF8)
    if start.lstrip().startswith(b"["):
        yield from _elements(_texts(start, stream), name, set_aside)
    elif start.strip() in (b"", b"{") or _whole(start) is None:
        yield from _document_or_lines(start, stream, name, set_aside)
    else:
        yield from _values(_cut_lines(start, stream), name, set_aside)


def _whole(text: bytes) -> Any:
    """What `text` says; None where it is no JSON in UTF-8."""
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError):
        return None


def _document_or_lines(
    first: bytes, stream: BinaryIO, name: str, set_aside: SetAside
) -> Iterator[tuple[int, Any]]:
    """A document over several lines, where what is read ahead of it is one; else lines."""
    ahead = first + stream.read(_LONGEST_BYTES - len(first))
    if (document := _whole(ahead)) is not None:
        yield from ((1, value) for value in (document if isinstance(document, list) else [document]))
    else:
        yield from _values(_cut_lines(ahead, stream), name, set_aside)


def _cut_lines(ahead: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """The lines of what was read ahead and of what follows it; too long ones in parts."""
    lines = io.BytesIO(ahead)
    while line := lines.readline() or stream.readline(_LONGEST_BYTES):
        if not line.endswith(b"\n") and len(line) < _LONGEST_BYTES:
            line += stream.readline(_LONGEST_BYTES - len(line))
        yield line


def _values(lines: Iterator[bytes], name: str, set_aside: SetAside) -> Iterator[tuple[int, Any]]:
    number = 1
    for line in lines:
        yield from _value(number, line, name, set_aside)
        number += line.endswith(b"\n")


def _value(number: int, line: bytes, name: str, set_aside: SetAside) -> Iterator[tuple[int, Any]]:
    value = _whole(line)
    if value is None:
        text = line.decode(errors="replace").rstrip("\r\n")
        set_aside.add(name, number, text, f"JSON in UTF-8 on one line of at most {_LONGEST_BYTES:,} bytes")
    else:
        yield number, value


def _texts(first: bytes, stream: BinaryIO) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    block = first
    while block:
        yield decoder.decode(block)
        block = stream.read(_BLOCK_BYTES)
    yield decoder.decode(b"", final=True)


def _elements(texts: Iterator[str], name: str, set_aside: SetAside) -> Iterator[tuple[int, Any]]:
    """The elements of an array, those of arrays in it too: exporters write pages of tracks."""
    decoder = json.JSONDecoder()
    held, place, line = "", 0, 1
    for text in _growing(texts):
        held, place = held[place:] + text, 0  # what is left of the texts before, and this one
        while (begin := _skip(held, place)) < len(held):
            try:
                value, end = decoder.raw_decode(held, begin)
            except (ValueError, RecursionError):
                break
            if end == len(held) and not isinstance(value, dict):
                break  # a number may go on
            line += held.count("\n", place, begin)
            yield line, value
            line += held.count("\n", begin, end)
            place = end
        else:
            line += held.count("\n", place)  # the while ended without a break: all of `held` was read
            place = len(held)
        if len(held) - place > _LONGEST_BYTES:
            break
    begin = _skip(held, place)
    if rest := held[begin:]:
        line += held.count("\n", place, begin)
        set_aside.add(name, line, rest, "JSON; nothing behind this is read")


def _growing(texts: Iterator[str]) -> Iterator[str]:
    """More at once each time: what is longer than a block is not parsed anew for every block."""
    size = 1
    while part := "".join(islice(texts, size)):
        yield part
        size = min(2 * size, 8)


def _skip(text: str, place: int) -> int:
    """Where the next element may start: brackets and commas of arrays say nothing here."""
    return _BETWEEN.match(text, place).end()  # type: ignore[union-attr]
