"""Text with separators between the columns, through pyarrow; malformed lines are set aside by number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.sources import SourceFile
from earshot.datasets.importing.text_stream import (
    TextStream,
    blocks_of_lines,
    header_width,
    in_threads,
    one_character,
    unclosed_line,
)
from earshot.foreign.bounds import MAX_LINE_BYTES, refuse_wide

if TYPE_CHECKING:
    import pyarrow

_BLOCK_BYTES = MAX_LINE_BYTES
"""Rows of two bytes take fifty times as much once they are parsed."""
_MOST_REFUSED = 1 << 18
"""Malformed lines in a row, each of which costs Python's time and memory."""


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out.

    Attributes
    ----------
    separator
        What stands between two columns. Only with a comma or semicolon may values
        be quoted: elsewhere `"` is an inch or the start of a title.
    header
        Whether the first line names the columns.
    names
        Their names where it does not; by default `1`, `2`, ..., as many as the first line has.
    """

    separator: str = ","
    header: bool = True
    names: tuple[str, ...] = ()

    @property
    def quoted(self) -> bool:
        """Whether values may be quoted, also over several lines."""
        return self.separator in (",", ";")


class _Numbers:
    """Line numbers of the rows that pyarrow gives part by part, and the malformed lines between them."""

    def __init__(self, file: SourceFile, layout: Layout, set_aside: SetAside) -> None:
        self._file, self._layout, self._set_aside = file, layout, set_aside
        self._before = 0
        self._next = 2 if layout.header else 1

    def take(self, count: int, refused: deque[Any]) -> NDArray[np.int64]:
        """The line numbers of the next `count` rows; those `refused` before them are set aside."""
        # pyarrow counts the lines of each part anew
        malformed = [self._before + row.number for row in refused]
        # enough numbers for `count` rows, however many malformed lines lie between them
        lines = np.arange(self._next, self._next + count + len(malformed))
        lines = lines[~np.isin(lines, malformed)][:count] if malformed else lines
        if count:
            self._next = int(lines[-1]) + 1
        self._set_aside.used += count
        self._settle(refused, self._next)
        return lines

    def end_part(self, refused: deque[Any]) -> None:
        """Set aside what was refused behind the last row; the next part counts its lines anew."""
        if refused:
            self._next = max(self._next, self._before + refused[-1].number + 1)
        self._settle(refused, self._next)
        self._before = self._next - 1

    def _settle(self, refused: deque[Any], before: int) -> None:
        while refused and self._before + refused[0].number < before:
            row = refused.popleft()
            text = row.text.replace(one_character(self._layout.separator), self._layout.separator)
            wanted = f"{row.expected_columns} columns"
            if (line := unclosed_line(text)) is not None:
                text, wanted = line, "a quote that is closed"
            self._set_aside.add(self._file.name, self._before + row.number, text, wanted)


def open_text(file: SourceFile, layout: Layout) -> tuple[list[str], Any]:
    """The names of the columns, and a function that reads some of them.

    The function is given names with pyarrow types and where to set malformed lines aside,
    and yields line numbers, (n,), and a batch of n rows.
    """
    names = _names(file, layout)

    def read(
        columns: Mapping[str, pyarrow.DataType], set_aside: SetAside
    ) -> Iterator[tuple[NDArray[np.int64], pyarrow.RecordBatch]]:
        numbers = _Numbers(file, layout, set_aside)
        for refused, batches in _parts(file, layout, names, columns):
            for batch in batches:
                yield numbers.take(len(batch), refused), batch
            numbers.end_part(refused)

    return names, read


def _names(file: SourceFile, layout: Layout) -> list[str]:
    import pyarrow

    if layout.names:
        return list(layout.names)
    refuse_wide(file.path, header_width(file.path, layout.separator, _BLOCK_BYTES))
    first = next(_sources(file, layout), pyarrow.BufferReader(b""))
    with _open_csv(first, [], {}, layout, deque()) as opened:
        names: list[str] = opened.schema.names
    return names if layout.header else [str(place) for place, _ in enumerate(names, 1)]


def _parts(
    file: SourceFile, layout: Layout, names: list[str], columns: Mapping[str, pyarrow.DataType]
) -> Iterator[tuple[deque[Any], Iterable[pyarrow.RecordBatch]]]:
    """The lines that pyarrow refuses, and the rows between them."""

    def parse(part: tuple[Any, list[str]]) -> tuple[deque[Any], Any]:
        refused: deque[Any] = deque()
        return refused, _open_csv(*part, columns, layout, refused)

    def parse_all(part: tuple[Any, list[str]]) -> tuple[deque[Any], list[pyarrow.RecordBatch]]:
        refused, batches = parse(part)
        return refused, list(batches)

    headers = chain([[] if layout.header else names], repeat(names))
    parts = zip(_sources(file, layout), headers, strict=False)
    yield from map(parse, parts) if layout.quoted else in_threads(parse_all, parts)


def _sources(file: SourceFile, layout: Layout) -> Iterator[Any]:
    """What pyarrow can read: the whole, where text may be quoted over lines, or blocks of lines."""
    import pyarrow

    if layout.quoted:
        yield pyarrow.PythonFile(TextStream(file.path, layout.separator, _BLOCK_BYTES), mode="r")
    else:
        yield from map(pyarrow.BufferReader, blocks_of_lines(file.path, layout.separator, _BLOCK_BYTES))


def _open_csv(
    source: Any,
    names: list[str],
    columns: Mapping[str, pyarrow.DataType],
    layout: Layout,
    refused: deque[Any],
) -> Any:
    """Batches of rows; without `names` the first line has them. The other lines come to be `refused`."""
    from pyarrow import csv

    def refuse(row: Any) -> str:
        refused.append(row)
        return "skip" if len(refused) < _MOST_REFUSED else "error"

    return csv.open_csv(
        source,
        csv.ReadOptions(  # with threads it does not say which line is malformed
            use_threads=False,
            block_size=_BLOCK_BYTES,
            column_names=names or None,
            autogenerate_column_names=not (layout.header or names),
        ),
        csv.ParseOptions(
            delimiter=one_character(layout.separator),
            quote_char='"' if layout.quoted else False,
            newlines_in_values=layout.quoted,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        ),
        csv.ConvertOptions(
            check_utf8=False,
            column_types=dict(columns),
            include_columns=list(columns),
            strings_can_be_null=False,
        ),
    )
