"""Writing a table that is longer than memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class TableWriter:
    """A parquet file written chunk by chunk; a whole one also without any chunk.

    Parameters
    ----------
    columns
        Type of every column by its name, in pyarrow's words.
    """

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        import pyarrow
        from pyarrow import parquet

        self._schema = pyarrow.schema(list(columns.items()))
        self._writer = parquet.ParquetWriter(path, self._schema)

    def write(self, rows: pd.DataFrame) -> None:
        """Append `rows`; their index is left out."""
        import pyarrow

        if len(rows):
            columns = rows[self._schema.names]
            self._writer.write_table(pyarrow.Table.from_pandas(columns, self._schema, preserve_index=False))

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
