"""An answer as JSON, CSV or parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
from starlette.responses import Response

Format = Literal["json", "csv", "parquet"]
Rows = Sequence[Mapping[str, Any]]
PARQUET = "application/vnd.apache.parquet"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def respond(rows: Rows, told: Mapping[str, Any], as_format: Format, name: str) -> Response:
    """`rows` with what is `told` of all of them, in JSON; else a file `name` of the rows alone."""
    if as_format == "json":
        return Response(orjson.dumps({**told, "rows": rows}), media_type="application/json")
    content = _csv(rows) if as_format == "csv" else _parquet(rows)
    media_type = "text/csv; charset=utf-8" if as_format == "csv" else PARQUET
    headers = {"Content-Disposition": f'attachment; filename="{name}.{as_format}"'}
    return Response(content, media_type=media_type, headers=headers)


def _csv(rows: Rows) -> bytes:
    """With a line of names; empty where nothing was found.

    Texts of other people that a spreadsheet would read as a formula stand behind an apostrophe.
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    if rows:
        writer.writerow(rows[0])
    writer.writerows([[_cell(value) for value in row.values()] for row in rows])
    return written.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _parquet(rows: Rows) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    written = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), written)
    return written.getvalue()
