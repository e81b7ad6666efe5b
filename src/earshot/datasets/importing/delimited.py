"""Text with separators between the columns, through pyarrow; malformed lines are set aside by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.sources import SourceFile
from earshot.datasets.importing.text_stream import TextStream, one_character

if TYPE_CHECKING:
    import pyarrow

_BLOCK_BYTES = 32 << 20


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


class _Numbers:
    """Line numbers of the rows that pyarrow gives, and the malformed lines between them."""

    def __init__(self, file: SourceFile, layout: Layout, set_aside: SetAside) -> None:
        self._file, self._layout, self._set_aside = file, layout, set_aside
        self._next = 2 if layout.header else 1
        self._malformed: list[tuple[int, str, int]] = []

    def refuse(self, row: Any) -> str:
        """What pyarrow calls for a line with another number of columns."""
        self._malformed.append((row.number, row.text, row.expected_columns))
        return "skip"

    def take(self, count: int) -> NDArray[np.int64]:
        """The line numbers of the next `count` rows; the malformed lines before them are set aside."""
        malformed = [number for number, _, _ in self._malformed]
        lines = np.arange(self._next, self._next + count + len(malformed))
        lines = lines[~np.isin(lines, malformed)][:count]
        if count:
            self._next = int(lines[-1]) + 1
        self.settle(self._next)
        return lines

    def settle(self, before: float = np.inf) -> None:
        for number, text, expected in self._malformed:
            if number < before:
                text = text.replace(one_character(self._layout.separator), self._layout.separator)
                self._set_aside.add(self._file.name, number, text, f"{expected} columns")
        self._malformed = [line for line in self._malformed if line[0] >= before]


def open_text(file: SourceFile, layout: Layout) -> tuple[list[str], Any]:
    """The names of the columns, and a function that reads some of them.

    The function is given names and where to set malformed lines aside, and yields line
    numbers, (n,), and a batch of n rows, each column a pyarrow dictionary of strings.
    """
    names = _names(file, layout)

    def read(
        columns: list[str], set_aside: SetAside
    ) -> Iterator[tuple[NDArray[np.int64], pyarrow.RecordBatch]]:
        numbers = _Numbers(file, layout, set_aside)
        with _open_csv(file, layout, names, columns, numbers.refuse) as opened:
            for batch in opened:
                yield numbers.take(len(batch)), batch
        numbers.settle()

    return names, read


def _names(file: SourceFile, layout: Layout) -> list[str]:
    if layout.names:
        return list(layout.names)
    with _open_csv(file, layout, [], [], lambda _: "skip") as opened:
        names: list[str] = opened.schema.names
    return names if layout.header else [str(place) for place, _ in enumerate(names, 1)]


def _open_csv(file: SourceFile, layout: Layout, names: list[str], columns: list[str], refuse: Any) -> Any:
    import pyarrow
    from pyarrow import csv

    quoted = layout.separator in (",", ";")
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    return csv.open_csv(
        pyarrow.PythonFile(TextStream(file.path, layout.separator, _BLOCK_BYTES), mode="r"),
        csv.ReadOptions(  # with threads it does not say which line is malformed
            use_threads=False,
            block_size=_BLOCK_BYTES,
            column_names=None if layout.header else names or None,
            autogenerate_column_names=not (layout.header or names),
        ),
        csv.ParseOptions(
            delimiter=one_character(layout.separator),
            quote_char='"' if quoted else False,
            newlines_in_values=quoted,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        ),
        csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(columns, text),
            include_columns=columns,
            strings_can_be_null=False,
        ),
    )
