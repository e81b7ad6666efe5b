"""Reading a delivery's tables, CSV or parquet, as text: ids keep their zeros, nothing is guessed.

A row's number counts from 1 at the first row below the header. What a table would take in
memory is bounded: a table that is held whole (songs) has at most 512 MiB of text, 16 bytes a field
counted besides; one that is streamed (plays) is read 64 MiB at a time. So a delivery
needs less than 1 GB beside what it is allowed to hold.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from earshot.errors import UserError
from earshot.foreign.arrow_text import NoTextError, as_text, decoded_bytes
from earshot.foreign.bounds import (
    HEAD_BYTES,
    MAX_LINE_BYTES,
    foreign_kind,
    named_columns,
    refuse_wide,
    with_bounded_lines,
)
from earshot.foreign.parquet import open_parquet, pieces
from earshot.foreign.quoting import OpenQuote, closed_quotes

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow
    from pandas.api.extensions import ExtensionArray

_SUFFIXES = (".csv", ".parquet")
_WHOLE = ("songs",)
"""Tables of one file; elsewhere a file of no bytes is a part without rows."""
_BLOCK_BYTES = MAX_LINE_BYTES
_MAX_FIELD_BYTES = 1 << 20
_MAX_TABLE_BYTES = 512 << 20
_MAX_CHUNK_BYTES = 64 << 20


def find_tables(folder: Path, stem: str) -> list[Path]:
    """The .csv and .parquet files of `folder` whose name starts with `stem`, by name."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.startswith(stem) and path.suffix in _SUFFIXES and path.is_file()
    )


def read_table(path: Path, required: Sequence[str], optional: Mapping[str, str]) -> pd.DataFrame:
    """A whole table; see `read_chunks`. UserError also for more than 512 MiB of text."""
    import pandas as pd

    _refuse_too_much(path, required, optional)
    return pd.concat(read_chunks(path, required, optional, chunk_rows=1_000_000), ignore_index=True)


def _refuse_too_much(path: Path, required: Sequence[str], optional: Mapping[str, str]) -> None:
    """Counted before any of it is held: dictionaries and packing may hide it from the file's size."""
    total = 0
    with _errors_of(path):
        for table in _batches(path, required, optional):
            total += sum(map(decoded_bytes, _arrays(table)))
            if total > _MAX_TABLE_BYTES:
                raise UserError(
                    f"{path}: holds more than {_MAX_TABLE_BYTES >> 20} MiB of text: wanted at most that, "
                    "16 bytes a field counted besides; deliver it in parts"
                )


def _arrays(table: pyarrow.Table) -> Iterator[pyarrow.Array]:
    for column in table.columns:
        yield from column.chunks


def read_chunks(
    path: Path, required: Sequence[str], optional: Mapping[str, str], chunk_rows: int
) -> Iterator[pd.DataFrame]:
    """The rows of a table, `chunk_rows` at a time; at least one chunk, which may be empty.

    Returns
    -------
    The columns `required` and `optional`, in this order, all str. A value that is
    missing is `""`; of an optional column that is missing, what `optional` says.
    Other columns are left out. The index counts the file's rows from 0.

    Raises
    ------
    UserError
        A file that is not what its suffix says; a required column that is
        missing, a column that is there twice or whose type is no text; a
        field of more than 1 MiB.
    """
    first = 0
    with _errors_of(path):
        for table in _rebatched(_batches(path, required, optional), chunk_rows):
            yield _as_text(path, table, dict.fromkeys(required, "") | dict(optional), first)
            first += table.num_rows


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as {path.suffix[1:]}: {_explain(error)}") from None


def refuse_open_quotes(path: Path) -> None:
    """UserError for a quote of CSV that is never closed (`foreign.quoting`), naming line and column."""
    if path.suffix != ".csv":
        return

    def refuse(quote: OpenQuote) -> bytes:
        line = _line_number(path, quote.offset)
        with path.open(encoding="utf-8-sig", errors="replace") as header:
            names = next(csv.reader([header.readline(MAX_LINE_BYTES)]), [])
        column = names[quote.column] if quote.column < len(names) else f"number {quote.column + 1}"
        raise UserError(
            f"{path}: line {line} (row {line - 1}): column {column}: "
            f"a quote opens and is never closed: {quote.shown!r}; wanted a closing quote, or no quote"
        )

    with _errors_of(path), path.open("rb") as opened:
        for _ in closed_quotes(with_bounded_lines(path, _blocks(opened), ","), ",", refuse):
            pass


def refuse_lines(path: Path) -> None:
    """UserError where lines of CSV in its first 64 MiB are no rows (`earshot.foreign.bounds`)."""
    if path.suffix == ".csv":
        with _errors_of(path), path.open("rb") as opened:
            first = islice(_blocks(opened), _MAX_CHUNK_BYTES // _BLOCK_BYTES)
            for _ in with_bounded_lines(path, first, ","):
                pass


def _blocks(opened: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: opened.read(_BLOCK_BYTES), b"")


def _line_number(path: Path, offset: int) -> int:
    """Of the line that starts `offset` bytes into the file, from 1."""
    number, before = 1, b""
    with path.open("rb") as opened:
        while offset and (block := opened.read(min(offset, _BLOCK_BYTES))):
            # a \r\n cut by the block's end is one line end
            crossed = before == b"\r" and block.startswith(b"\n")
            number += block.count(b"\n") + block.count(b"\r") - block.count(b"\r\n") - crossed
            offset, before = offset - len(block), block[-1:]
    return number


def _explain(error: Exception) -> str:
    """What Arrow says; in other words where it asks for a larger block, which would only cost memory."""
    if "straddling object" in str(error):
        return f"a row is longer than {_BLOCK_BYTES >> 20} MiB, or a quote is not closed"
    if "cannot infer number of columns" in str(error):
        return f"Empty CSV file, or no header within its first {_BLOCK_BYTES >> 20} MiB"
    if isinstance(error, UnicodeDecodeError):
        return f"its header is not UTF-8: {error.object[:80]!r}"
    return str(error)


def _batches(path: Path, required: Sequence[str], optional: Iterable[str]) -> Iterator[pyarrow.Table]:
    """Tables of some size with those of the columns that are there; the first of them may be empty."""
    import pyarrow

    if not path.stat().st_size and path.stem not in _WHOLE:
        yield pyarrow.table({column: pyarrow.array([], pyarrow.string()) for column in required})
        return
    _refuse_foreign(path)
    open_file = open_parquet if path.suffix == ".parquet" else _open_csv
    names, read = open_file(path)
    for column in required:
        if column not in names:
            raise UserError(f"{path}: column {column} is missing; there are {named_columns(names)}")
    wanted = [column for column in [*required, *optional] if column in names]
    for column in wanted:
        if names.count(column) > 1:
            raise UserError(f"{path}: column {column} is there {names.count(column)} times: wanted once")
    yield from read(wanted)


def _refuse_foreign(path: Path) -> None:
    """UserError where the file is of another kind than its suffix says, naming the kind."""
    with path.open("rb") as opened:
        head = opened.read(HEAD_BYTES)
    kind = foreign_kind(head)
    if path.suffix == ".csv" and kind is not None:
        advice = "name it .parquet" if kind == "parquet" else "save it as CSV in UTF-8, or as parquet"
        raise UserError(f"{path}: is {kind}: wanted CSV; {advice}")
    if path.suffix == ".parquet" and kind != "parquet":
        raise UserError(f"{path}: not readable as parquet: is {kind or 'text or something unknown'}")
    if path.suffix == ".csv":
        first = head.split(b"\n", 1)[0]
        if len(first) == len(head):
            with path.open("rb") as opened:
                first = opened.read(MAX_LINE_BYTES + 1).split(b"\n", 1)[0]
        if len(first) > MAX_LINE_BYTES:
            raise UserError(f"{path}: no header within its first {MAX_LINE_BYTES >> 20} MiB")
        refuse_wide(path, first.count(b",") + 1)


def _open_csv(path: Path) -> tuple[list[str], Any]:
    import pyarrow
    from pyarrow import csv as arrow_csv

    blocks = arrow_csv.ReadOptions(block_size=_BLOCK_BYTES)
    quoting = arrow_csv.ParseOptions(newlines_in_values=True)
    with arrow_csv.open_csv(path, blocks, quoting) as opened:
        names = opened.schema.names

    def read(columns: list[str]) -> Iterator[pyarrow.Table]:
        types = {column: pyarrow.string() for column in columns}
        options = arrow_csv.ConvertOptions(
            column_types=types, include_columns=columns, strings_can_be_null=False
        )
        with arrow_csv.open_csv(path, blocks, quoting, options) as opened:
            yield opened.schema.empty_table()
            for batch in opened:
                yield pyarrow.Table.from_batches([batch])

    return names, read


def _rebatched(tables: Iterator[pyarrow.Table], rows: int) -> Iterator[pyarrow.Table]:
    """The same rows, in tables of exactly `rows` but for the last, and where the text is too much."""
    import pyarrow

    nothing = next(tables).slice(0, 0)  # the first has no rows, only columns
    held, held_bytes = nothing, 0
    for piece, size in chain.from_iterable(map(pieces, tables)):
        if held_bytes and held_bytes + size > _MAX_CHUNK_BYTES:
            yield held
            held, held_bytes = nothing, 0
        held, held_bytes = pyarrow.concat_tables([held, piece]), held_bytes + size
        while held.num_rows > rows:
            yield held.slice(0, rows)
            held = held.slice(rows)
    yield held


def _as_text(path: Path, table: pyarrow.Table, defaults: dict[str, str], first: int) -> pd.DataFrame:
    import pandas as pd

    rows = pd.RangeIndex(first, first + table.num_rows)
    texts = {
        column: _text(path, column, table[column]) if column in table.column_names else default
        for column, default in defaults.items()
    }
    return pd.DataFrame(texts, index=rows, dtype=str)


def _text(path: Path, column: str, values: pyarrow.ChunkedArray) -> ExtensionArray:
    import pandas as pd
    import pyarrow
    from pyarrow import compute

    is_id = column.endswith("_id")
    try:
        chunks = [as_text(chunk, is_id) for chunk in values.chunks or [pyarrow.array([], values.type)]]
    except NoTextError as error:
        raise UserError(f"{path}: column {column} {error}") from None
    filled = pyarrow.chunked_array(chunks, pyarrow.large_string())
    longest = compute.max(compute.binary_length(filled)).as_py() or 0
    if longest > _MAX_FIELD_BYTES:
        raise UserError(
            f"{path}: column {column} has a field of {longest} bytes: wanted at most {_MAX_FIELD_BYTES}"
        )
    text: ExtensionArray = pd.array(filled, dtype=pd.StringDtype("pyarrow", na_value=float("nan")))
    return text
