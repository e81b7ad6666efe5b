"""Rows of foreign tables, text or parquet, block by block: of any size, and ids stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.importing.delimited import Layout, open_text
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.sources import SourceFile
from earshot.datasets.importing.unpacking import DAMAGED
from earshot.errors import UserError
from earshot.foreign.arrow_text import NoTextError, as_text
from earshot.foreign.bounds import named_columns
from earshot.foreign.parquet import open_parquet
from earshot.processes import progress

if TYPE_CHECKING:
    import pyarrow

Lines = NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """A column that is wanted.

    Attributes
    ----------
    name
        What the file calls it.
    wanted
        What its values must be, for people.
    good
        Which of some different texts, (n,) pyarrow strings, are so: (n,) bool.
    is_id
        A parquet column of numbers with a point is refused: ids would not stay as they are.
    as_dictionary
        Given as a pyarrow dictionary, whose texts are checked once each; otherwise as
        strings, faster where hardly a text comes twice in a block of rows.
    """

    name: str
    wanted: str
    good: Callable[[Any], NDArray[np.bool_]]
    is_id: bool = False
    as_dictionary: bool = True

    @property
    def type(self) -> pyarrow.DataType:
        """What its values are given as."""
        import pyarrow

        text = pyarrow.string()
        return pyarrow.dictionary(pyarrow.int32(), text) if self.as_dictionary else text


def column_names(file: SourceFile, layout: Layout) -> list[str]:
    """The columns that a file has; without a header `1`, `2`, ..."""
    with _errors_of(file, layout):
        return _open(file, layout)[0]


def read_rows(
    file: SourceFile, columns: Sequence[Column], layout: Layout, set_aside: SetAside
) -> Iterator[tuple[Lines, pyarrow.RecordBatch]]:
    """The good rows of a file; the others are set aside.

    Returns
    -------
    lines
        (n,): the rows' line numbers, in parquet their row numbers, from 1. A row that
        quoted text spreads over several lines counts as one.
    rows
        `columns`, in their order, each of its type, `""` where nothing was given.

    Raises
    ------
    UserError
        A file that is not what its suffix says; a column that is missing, there
        twice, or of a type that is no text.
    """
    with _errors_of(file, layout), progress(description=f"Reading {file.name}", unit="rows") as bar:
        names, read = _open(file, layout)
        _refuse_missing(file, columns, names)
        for lines, batch in read({column.name: column.type for column in columns}, set_aside):
            bar.update(len(lines))
            texts = [
                _as_text(file, column, values) for column, values in zip(columns, batch.columns, strict=True)
            ]
            yield _good_rows(file, columns, lines, texts, set_aside)


@contextmanager
def _errors_of(file: SourceFile, layout: Layout) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, UnicodeDecodeError, *DAMAGED) as error:
        kind = "parquet" if _is_parquet(file) else f"text separated by {layout.separator!r}"
        raise UserError(f"{file.path}: not readable as {kind}: {error}") from None


def _is_parquet(file: SourceFile) -> bool:
    return file.path.suffix == ".parquet"


def _open(file: SourceFile, layout: Layout) -> tuple[list[str], Any]:
    """Names, and a function that reads some of the columns: numbers of the rows, and the rows."""
    return _open_parquet(file) if _is_parquet(file) else open_text(file, layout)


def _open_parquet(file: SourceFile) -> tuple[list[str], Any]:
    names, read_tables = open_parquet(file.path)

    def read(
        columns: Mapping[str, pyarrow.DataType], set_aside: SetAside
    ) -> Iterator[tuple[Lines, pyarrow.RecordBatch]]:
        first = 1
        for table in read_tables(list(columns)):
            for batch in table.to_batches():
                set_aside.used += len(batch)
                yield np.arange(first, first + len(batch)), batch
                first += len(batch)

    return names, read


def _refuse_missing(file: SourceFile, columns: Sequence[Column], names: list[str]) -> None:
    for column in columns:
        if column.name not in names:
            raise UserError(
                f"{file.path}: column {column.name!r} is missing; there are {named_columns(names)}"
            )
        if names.count(column.name) > 1:
            times = names.count(column.name)
            raise UserError(f"{file.path}: column {column.name!r} is there {times} times: wanted once")


def _as_text(file: SourceFile, column: Column, values: pyarrow.Array) -> pyarrow.Array:
    import pyarrow

    if values.type == column.type and not values.null_count and not _is_parquet(file):
        return values
    try:
        text = as_text(values, column.is_id)
    except NoTextError as error:
        raise UserError(f"{file.path}: column {column.name!r} {error}") from None
    return of_type(column, text.cast(pyarrow.string()))


def of_type(column: Column, text: pyarrow.StringArray) -> pyarrow.Array:
    """A column's texts, of any kind of string, as what it is given as."""
    return text.dictionary_encode() if column.as_dictionary else text


def _good_rows(
    file: SourceFile,
    columns: Sequence[Column],
    lines: Lines,
    texts: list[pyarrow.Array],
    set_aside: SetAside,
) -> tuple[Lines, pyarrow.RecordBatch]:
    """The rows in which each column is good; each other one set aside for the first that is not."""
    import pyarrow

    bad, unusable = np.zeros(len(lines), dtype=bool), unusable_rows(columns, texts)
    for _, _, places in unusable:
        bad[places] = True
    set_aside.used -= int(np.count_nonzero(bad))
    for column, values, places in unusable:
        describe = partial(_describe, column, values, places)
        set_aside.add_rows(file.name, lines[places].tolist(), describe, column.wanted)
    if bad.any():  # encoded anew, so that no value of a bad row is left
        good_rows = pyarrow.array(~bad)
        texts = [
            of_type(column, values.filter(good_rows).cast(pyarrow.string()))
            for column, values in zip(columns, texts, strict=True)
        ]
    names = [column.name for column in columns]
    return lines[~bad], pyarrow.RecordBatch.from_arrays(texts, names=names)


def unusable_rows(
    columns: Sequence[Column], texts: Sequence[pyarrow.Array]
) -> list[tuple[Column, pyarrow.Array, Lines]]:
    """Which rows cannot be used: by the first column that is not good, its values and places from 0.

    `texts` are of the columns' types, (n_rows,) each.
    """
    bad, unusable = np.zeros(len(texts[0]), dtype=bool), []
    for column, values in zip(columns, texts, strict=True):
        good = column.good(values.dictionary if column.as_dictionary else values)
        if good.all():
            continue
        # a dictionary was checked entry by entry; a row that was bad before does not count again
        found = ~(good[values.indices.to_numpy()] if column.as_dictionary else good) & ~bad
        unusable.append((column, values, np.flatnonzero(found)))
        bad |= found
    return unusable


def _describe(column: Column, values: pyarrow.Array, places: Lines, place: int) -> str:
    return described(column, values, int(places[place]))


def described(column: Column, values: pyarrow.Array, place: int) -> str:
    """What a column says at a place, for who wants to know why it cannot be used."""
    return f"{column.name}={values[place].as_py()}"
