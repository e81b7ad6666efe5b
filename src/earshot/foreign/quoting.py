"""Quotes of CSV that are never closed: found in the bytes, before a reader swallows the rows behind them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_MOST_LINE_ENDS = 100
_LONGEST_ROW = 4 << 20

_LINE_END = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True)
class OpenQuote:
    """A quote that is never closed.

    Attributes
    ----------
    offset
        In the text: where the line starts in which it opened.
    line
        That line, without its end.
    column
        The place of its column, from 0.
    separators
        How many the header has.
    """

    offset: int
    line: bytes
    column: int
    separators: int

    @property
    def shown(self) -> str:
        """The beginning of what it opened."""
        return self.line[self.line.find(b'"') :][:60].decode(errors="replace")


def closed_quotes(
    blocks: Iterable[bytes], separator: str, replace: Callable[[OpenQuote], bytes]
) -> Iterator[bytes]:
    """The text of `blocks`, each line in which a quote opens and is never closed put through `replace`.

    A quote opens where a field starts with it, and is closed by the next that is not doubled
    (RFC 4180, section 2). One is taken for unclosed where

    - the text, or 4 MiB of it, ends before it is closed, or it runs over more than 100 line ends;
    - it runs over line ends, and other text follows the quote that closes it;
    - it runs over line ends, and one of the whole lines inside has as many separators as the header:
      these are rows;
    - it runs from one line into the next, both have as many separators as the header, and that is
      more than one.

    Text over several lines that is none of these is legal, as are a quote inside a field
    that does not start with one, and text behind a closing quote in the same line. Blocks
    without a quote are only looked through for one.

    Parameters
    ----------
    replace
        Gives what shall stand there instead of the line, without an end; or raises.
    """
    rows = _Rows(separator.encode())
    held, offset = b"", 0  # where `held` starts in the text
    for block, last in _with_last(blocks):
        data = held + block if held else block
        if not last and len(data) < _LONGEST_ROW and _LINE_END.search(data[:-1]) is None:
            held = data
            continue
        rows.read_header(data)
        done = bytearray()
        position = stop = 0  # rows are read up to `position`, `done` stands for `data` up to `stop`
        # after the last line end; a "\r" that ends the block may be half of "\r\n"
        end = len(data) if last else max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1
        while (quote := data.find(b'"', position)) >= 0:
            # start of the line in which the quote stands
            start = (
                max(data.rfind(b"\n", position, quote), data.rfind(b"\r", position, quote)) + 1 or position
            )
            position = rows.skip(data, start, end)
            if position > start:
                continue
            row = rows.match(data, start)
            if row is None or (row == len(data) and not last):
                if not last and len(data) - start < _LONGEST_ROW:
                    end = start
                    break
                row = None
            opened = rows.opened(data, start, row)
            position = row if row is not None else position
            if opened is not None:
                line = data[start : _line_stop(data, start)]
                done += data[stop:start]
                done += replace(OpenQuote(offset + start, line, opened, rows.separators))
                position = stop = start + len(line)
        end = max(end, stop, position if position <= len(data) else 0)
        if done:
            yield bytes(done) + data[stop:end]
        elif end:
            yield data[:end] if end < len(data) else data
        held, offset = data[end:], offset + end
    if held:
        yield held


class _Rows:
    """Rows of text with one separator."""

    def __init__(self, separator: bytes) -> None:
        # *+ gives nothing back once it has matched: without backtracking time is linear in the text
        plain = rb"[^\r\n" + separator + rb"]*+"
        quoted = rb'"[^"]*+(?:""[^"]*+)*+"'  # "" inside is a quote
        field = rb"(?:" + quoted + plain + rb'|(?!")' + plain + rb")"
        self._separator = separator
        # groups 1 and 2: quoted text, and what follows its closing quote
        self._field = re.compile(rb"(?:(" + quoted + rb")(" + plain + rb')|(?!")' + plain + rb")")
        self._row = re.compile(field + rb"(?:" + separator + field + rb")*+(?:\r\n?|\n|\Z)")
        # a field whose quotes are closed on its line
        on_line = rb'(?:"[^"\r\n]*+(?:""[^"\r\n]*+)*+"' + plain + rb'|(?!")' + plain + rb")"
        rows = rb"(?:" + on_line + rb"(?:" + separator + on_line + rb")*+(?:\r\n?|\n))*+"
        self._rows = re.compile(rows)
        self.separators = 0
        self._header_read = False

    def read_header(self, data: bytes) -> None:
        if not self._header_read and data:
            end = self.match(data, 0) or _line_stop(data, 0)
            header = re.sub(rb'"[^"]*"', b"", data[:end])
            self.separators, self._header_read = header.count(self._separator), True

    def skip(self, data: bytes, start: int, end: int) -> int:
        """Where the first row from `start` starts whose quotes are not closed in its line, or `end`."""
        found = self._rows.match(data, start, end)
        stop = found.end() if found else start
        # to a line's end: before Python 3.11.5 a match ends where its last, failed try came to (gh-106052)
        return max(data.rfind(b"\n", start, stop), data.rfind(b"\r", start, stop)) + 1 or start

    def match(self, data: bytes, start: int) -> int | None:
        """Where the row that starts at `start` ends; None where a quote in it is not closed."""
        found = self._row.match(data, start)
        return found.end() if found else None

    def opened(self, data: bytes, start: int, end: int | None) -> int | None:
        """The column in which a quote is taken for unclosed; None where there is none."""
        if end is not None and _LINE_END.search(data, start, end) is None:
            return None
        column, position = 0, start
        while True:
            field = self._field.match(data, position)
            if field is None:
                return column
            if field[1] is not None and self._runs_on(data, start, field):
                return column
            position = field.end()
            if data[position : position + 1] != self._separator:
                return None
            column, position = column + 1, position + 1

    def _runs_on(self, data: bytes, start: int, field: re.Match[bytes]) -> bool:
        """Whether a quoted field is the rest of its line and the rows that follow."""
        lines = _LINE_END.split(field[1])
        if len(lines) == 1:
            return False
        if field[2] or len(lines) - 1 > _MOST_LINE_ENDS:
            return True
        wanted = self.separators
        if len(lines) > 2:
            return wanted > 0 and any(line.count(self._separator) == wanted for line in lines[1:-1])
        first = data[start : _line_stop(data, start)]
        second = lines[1] + data[field.end() : _line_stop(data, field.end())]
        return wanted > 1 and all(line.count(self._separator) == wanted for line in (first, second))


def _line_stop(data: bytes, start: int) -> int:
    found = _LINE_END.search(data, start)
    return found.start() if found else len(data)


def _with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each block, and whether it is the last."""
    held: bytes | None = None
    for block in blocks:
        if held is not None:
            yield held, False
        held = block
    if held is not None:
        yield held, True
