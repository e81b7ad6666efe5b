"""How plays in a table of a warehouse are judged on workers of Spark, as `earshot.datasets.table` judges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from earshot.columns import FILE, LINE, PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID, VALUE, WANTED
from earshot.datasets.importing.play_columns import whole_numbers
from earshot.datasets.importing.rows import Column, described, of_type, unusable_rows
from earshot.foreign.arrow_text import as_text

if TYPE_CHECKING:
    import pyarrow


def keys_of(wanted: Mapping[str, Column]) -> list[str]:
    """What plays are counted by: listener, song and, where the table has it, moment."""
    return [name for name in (USER_ID, SONG_ID, PLAYED_AT) if name in wanted]


def schema_of(wanted: Mapping[str, Column]) -> str:
    """Of the rows that `judge` makes, as Spark writes a schema."""
    texts = ", ".join(f"{name} string" for name in (FILE, VALUE, WANTED, *keys_of(wanted)))
    return f"{texts}, {LINE} long, {PLAY_COUNT} long"


def judge(
    batches: Iterable[pyarrow.RecordBatch], wanted: Mapping[str, Column]
) -> Iterator[pyarrow.RecordBatch]:
    """On a worker: rows as text and count, or file, line, value and what was wanted where they are no use.

    Of each batch the columns are those of `wanted`, in their order, then file and line; the names of what
    comes out are those of `schema_of`.
    """
    import pyarrow

    for batch in batches:
        *values, files, lines = batch.columns
        texts = [
            of_type(column, as_text(each, column.is_id).cast(pyarrow.string()))
            for column, each in zip(wanted.values(), values, strict=True)
        ]
        bad, reasons = np.zeros(len(batch), dtype=bool), np.full((2, len(batch)), None, dtype=object)
        for column, of_column, places in unusable_rows(list(wanted.values()), texts):
            bad[places] = True
            reasons[0, places] = [described(column, of_column, int(place)) for place in places]
            reasons[1, places] = column.wanted
        unusable = pyarrow.array(bad)
        by_name = dict(zip(wanted, texts, strict=True))
        counts = by_name.pop(PLAY_COUNT, None)
        nothing = pyarrow.scalar(None, pyarrow.string())
        kept = {
            name: _where(unusable, nothing, text.cast(pyarrow.string())) for name, text in by_name.items()
        }
        told = {
            FILE: _where(unusable, files.cast(pyarrow.string()), nothing),
            VALUE: pyarrow.array(reasons[0], pyarrow.string()),
            WANTED: pyarrow.array(reasons[1], pyarrow.string()),
        }
        numbers = {
            LINE: _where(unusable, lines, pyarrow.scalar(None, pyarrow.int64())),
            PLAY_COUNT: np.ones(len(batch), np.int64) if counts is None else _numbers(counts),
        }
        yield pyarrow.RecordBatch.from_pydict(told | kept | numbers)


def _where(condition: pyarrow.Array, yes: Any, no: Any) -> pyarrow.Array:
    from pyarrow import compute

    return compute.if_else(condition, yes, no)


def _numbers(counts: pyarrow.DictionaryArray) -> Any:
    return whole_numbers(counts.dictionary)[counts.indices.to_numpy()]
