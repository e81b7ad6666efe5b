"""Parquet that somebody else wrote, read in bounded memory (https://parquet.apache.org/docs/file-format).

A file says in its footer and before each page how much comes out of it, and may lie; a text
that repeats takes hardly a byte (dictionaries, DELTA_BYTE_ARRAY). So what it says is
looked at first, texts are read as dictionaries, and while a batch is decoded the process may not grow by more
than 512 MiB, whatever the file says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.errors import UserError
from earshot.foreign.arrow_text import decoded_bytes
from earshot.foreign.bounds import refuse_wide
from earshot.foreign.parquet_footer import Chunk, read_chunks
from earshot.processes import limited_memory

if TYPE_CHECKING:
    import pyarrow

_MAX_FOOTER_BYTES = 16 << 20
_MAX_COLUMN_BYTES = 256 << 20
"""Of a column in a row group, unpacked."""
_MAX_GROWTH_BYTES = 512 << 20
_MAX_PIECE_BYTES = 64 << 20
_VALUES_A_BYTE, _SPARE_VALUES = 100, 1_000_000
_TEXT_A_BYTE, _SPARE_TEXT_BYTES = 100, 64 << 20
_BATCH_ROWS = 1 << 16
_READ_BYTES = 1 << 20


def open_parquet(path: Path) -> tuple[list[str], Any]:
    """The names of the columns, and a function that reads some of them.

    The function is given names and yields tables with these, of at most 65,536 rows and of at
    most 64 MiB once they are text; columns of text may be dictionaries. The first has no row.

    Raises
    ------
    UserError
        More than 2,000 columns; more rows, values or text than a file of this size may
        hold; a row group or a row that is too large; what cannot be decoded in 512 MiB.
    """
    _refuse_footer(path)
    with _opened(path) as opened:
        refuse_wide(path, opened.metadata.num_columns)
        names = opened.schema_arrow.names

    def read(columns: Sequence[str]) -> Iterator[pyarrow.Table]:
        with _opened(path) as opened:
            chunks = _chunks(path, opened.metadata, columns)
            _refuse_packed(path, opened.metadata.num_rows, chunks)
        with _opened(path, _dictionaries(chunks)) as opened:
            yield from _decoded(path, opened, list(columns))

    return names, read


def _chunks(path: Path, metadata: Any, columns: Sequence[str]) -> list[tuple[str, Chunk]]:
    """Those of `columns`, and of the lists in them, each with its path in the schema."""
    names = [metadata.schema.column(place).path for place in range(metadata.num_columns)]
    found = [(names[chunk.place], chunk) for chunk in read_chunks(path, len(names))]
    # the path of a list in column x is x.list.element
    return [(name, chunk) for name, chunk in found if name.split(".")[0] in columns]


def _dictionaries(chunks: Sequence[tuple[str, Chunk]]) -> list[str]:
    """Which columns, or lists in them, Arrow can read as dictionaries: none of DELTA_..."""
    texts: dict[str, bool] = {}
    for name, chunk in chunks:
        if chunk.is_text:
            texts[name] = texts.get(name, True) and not chunk.is_delta
    return [text for text, plain in texts.items() if plain]


@contextmanager
def _opened(path: Path, dictionaries: Sequence[str] = ()) -> Iterator[Any]:
    """A ParquetFile that holds little more than the pages it is at."""
    from pyarrow import parquet

    with _limited(path):
        opened = parquet.ParquetFile(
            path, read_dictionary=[*dictionaries], buffer_size=_READ_BYTES, pre_buffer=False
        )
    with opened:
        yield opened


@contextmanager
def _limited(path: Path) -> Iterator[None]:
    """UserError for what takes more memory than a table's pages can."""
    try:
        with limited_memory(_MAX_GROWTH_BYTES):
            yield
    except MemoryError:
        raise UserError(
            f"{path}: a page or {_BATCH_ROWS:,} rows of it take more than {_MAX_GROWTH_BYTES >> 20} MiB "
            "of memory: wanted smaller pages and texts"
        ) from None


def _refuse_footer(path: Path) -> None:
    """The footer describes every column of every row group: hundreds of thousands of them take minutes."""
    with path.open("rb") as opened:
        end = opened.seek(0, 2)
        opened.seek(max(end - 8, 0))
        end_mark = opened.read(8)
    size = int.from_bytes(end_mark[:4], "little")
    # PARE: the footer is encrypted
    if end_mark[4:] in (b"PAR1", b"PARE") and size > _MAX_FOOTER_BYTES:
        raise UserError(
            f"{path}: its footer has {size:,} bytes: wanted at most {_MAX_FOOTER_BYTES:,}; "
            "it has too many columns or row groups"
        )


def _refuse_packed(path: Path, rows: int, chunks: Sequence[tuple[str, Chunk]]) -> None:
    """What the footer says of the rows, values and bytes that come out of the file."""
    allowed = _VALUES_A_BYTE * path.stat().st_size + _SPARE_VALUES
    _refuse_more(path, rows, "rows", allowed)
    for name, chunk in chunks:
        _refuse_more(path, chunk.values, f"values in column {name}", allowed)
        if chunk.unpacked > _MAX_COLUMN_BYTES:
            raise UserError(
                f"{path}: column {name} has {chunk.unpacked:,} bytes in a row group: "
                f"wanted at most {_MAX_COLUMN_BYTES:,}; write smaller row groups"
            )


def _refuse_more(path: Path, found: int, what: str, allowed: int) -> None:
    if found > allowed:
        raise UserError(f"{path}: has {found:,} {what}: wanted at most {allowed:,} in a file so small")


def _decoded(path: Path, opened: Any, columns: list[str]) -> Iterator[pyarrow.Table]:
    import pyarrow

    yield pyarrow.schema([opened.schema_arrow.field(column) for column in columns]).empty_table()
    allowed = _TEXT_A_BYTE * path.stat().st_size + _SPARE_TEXT_BYTES
    total = first = 0
    batches = opened.iter_batches(columns=columns, batch_size=_BATCH_ROWS, use_threads=False)
    while True:
        with _limited(path):
            batch = next(batches, None)
        if batch is None:
            return
        for piece, size in pieces(pyarrow.Table.from_batches([batch]).select(columns)):
            total += size
            _refuse_more(path, total, "bytes of text", allowed)
            if size > _MAX_PIECE_BYTES:
                raise UserError(
                    f"{path}: row {first + 1}: holds {size:,} bytes of text: "
                    f"wanted at most {_MAX_PIECE_BYTES:,}"
                )
            yield piece
            first += piece.num_rows


def pieces(table: pyarrow.Table) -> Iterator[tuple[pyarrow.Table, int]]:
    """`table` cut until each part has at most 64 MiB of text, or a row; and how many bytes each has."""
    size = sum(decoded_bytes(chunk) for column in table.columns for chunk in column.chunks)
    if size <= _MAX_PIECE_BYTES or table.num_rows < 2:
        yield table, size
    else:
        half = table.num_rows // 2
        yield from pieces(table.slice(0, half))
        yield from pieces(table.slice(half))
