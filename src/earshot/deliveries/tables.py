"""Reading a delivery's tables, CSV or parquet, as text: ids keep their zeros, nothing is guessed.

A row's number counts from 1 at the first row below the header.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow
    from pandas.api.extensions import ExtensionArray

_SUFFIXES = (".csv", ".parquet")
_BLOCK_BYTES = 16 << 20
_MAX_FIELD_BYTES = 1 << 20


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
    """A whole table; see `read_chunks`."""
    import pandas as pd

    return pd.concat(read_chunks(path, required, optional, chunk_rows=1_000_000), ignore_index=True)


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
    import pyarrow

    first = 0
    try:
        for table in _rebatched(_batches(path, required, optional), chunk_rows):
            yield _as_text(path, table, dict.fromkeys(required, "") | dict(optional), first)
            first += table.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: not readable as {path.suffix[1:]}: {_explain(error)}") from None


def _explain(error: Exception) -> str:
    """What Arrow says; in other words where it asks for a larger block, which would only cost memory."""
    if "straddling object" in str(error):
        return f"a row is longer than {_BLOCK_BYTES >> 20} MiB, or a quote is not closed"
    if "cannot infer number of columns" in str(error):
        return f"Empty CSV file, or no header within its first {_BLOCK_BYTES >> 20} MiB"
    return str(error)


def _batches(path: Path, required: Sequence[str], optional: Iterable[str]) -> Iterator[pyarrow.Table]:
    """Tables of some size with those of the columns that are there; the first of them may be empty."""
    open_file = _open_parquet if path.suffix == ".parquet" else _open_csv
    names, read = open_file(path)
    for column in required:
        if column not in names:
            raise UserError(f"{path}: column {column} is missing; there are {', '.join(map(repr, names))}")
    wanted = [column for column in [*required, *optional] if column in names]
    for column in wanted:
        if names.count(column) > 1:
            raise UserError(f"{path}: column {column} is there {names.count(column)} times: wanted once")
    yield from read(wanted)


def _open_csv(path: Path) -> tuple[list[str], Any]:
    import pyarrow
    from pyarrow import csv

    blocks = csv.ReadOptions(block_size=_BLOCK_BYTES)
    quoting = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(path, blocks, quoting) as opened:
        names = opened.schema.names

    def read(columns: list[str]) -> Iterator[pyarrow.Table]:
        types = {column: pyarrow.string() for column in columns}
        options = csv.ConvertOptions(column_types=types, include_columns=columns, strings_can_be_null=False)
        with csv.open_csv(path, blocks, quoting, options) as opened:
            yield opened.schema.empty_table()
            for batch in opened:
                yield pyarrow.Table.from_batches([batch])

    return names, read


def _open_parquet(path: Path) -> tuple[list[str], Any]:
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path) as opened:
        names = opened.schema_arrow.names

    def read(columns: list[str]) -> Iterator[pyarrow.Table]:
        with parquet.ParquetFile(path) as opened:
            schema = pyarrow.schema([opened.schema_arrow.field(column) for column in columns])
            yield schema.empty_table()
            for batch in opened.iter_batches(columns=columns, batch_size=1 << 18):
                yield pyarrow.Table.from_batches([batch]).select(columns)

    return names, read


def _rebatched(tables: Iterator[pyarrow.Table], rows: int) -> Iterator[pyarrow.Table]:
    """The same rows, in tables of exactly `rows` but for the last."""
    import pyarrow

    held = next(tables)
    for table in tables:
        held = pyarrow.concat_tables([held, table])
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
    from pyarrow import compute, types

    kind = values.type
    if column.endswith("_id") and not (types.is_integer(kind) or _is_text(kind)):
        raise UserError(
            f"{path}: column {column} is of type {kind}: wanted text, so that ids stay as they are"
        )
    try:
        filled = compute.fill_null(compute.cast(values, pyarrow.large_string()), "")
    except pyarrow.ArrowNotImplementedError:
        raise UserError(f"{path}: column {column} is of type {kind}: wanted text") from None
    longest = compute.max(compute.binary_length(filled)).as_py() or 0
    if longest > _MAX_FIELD_BYTES:
        raise UserError(
            f"{path}: column {column} has a field of {longest} bytes: wanted at most {_MAX_FIELD_BYTES}"
        )
    text: ExtensionArray = pd.array(filled, dtype=pd.StringDtype("pyarrow", na_value=float("nan")))
    return text


def _is_text(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind))
