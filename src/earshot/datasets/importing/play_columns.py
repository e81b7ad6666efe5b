"""What the columns of plays must hold, and writing plays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.play_rows import (
    AN_ID,
    DATED,
    DATES,
    FRACTION,
    LONGEST_ID,
    NOT_IN_ID,
    NUMBER,
    parse_rows,
)
from earshot.columns import PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID
from earshot.datasets.importing.rows import Column

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

MOST_PLAYS = 2**31 - 1
"""Of a row."""
_CONTROL = bytes([*range(32), 127])
_LONGEST_BYTES = 1 << 20
"""Of a field, at a delivery's door too."""


def identifier(name: str, as_dictionary: bool = True) -> Column:
    """A column of ids."""
    return Column(name, f"{AN_ID}, in UTF-8", _named, is_id=True, as_dictionary=as_dictionary)


def play_number(name: str) -> Column:
    """A column of play counts."""
    return Column(name, f"a whole number from 1 to {MOST_PLAYS:,}", lambda texts: whole_numbers(texts) > 0)


def moment(name: str) -> Column:
    """A column of times."""
    return Column(name, DATES, _dated)


def text(name: str) -> Column:
    """A column of anything."""
    return Column(name, "UTF-8, at most 1 MiB", _readable)


def truth(name: str) -> Column:
    """A column of true and false."""
    return Column(name, "true or false, or nothing", _true_or_false)


def whole_numbers(texts: pyarrow.Array) -> NDArray[np.int64]:
    """The play count in each text, as the stage play_counts reads it, int64 (n,); 0 where there is none."""
    import pyarrow

    try:
        numbers = texts.cast(pyarrow.int64()).to_numpy()
    except pyarrow.ArrowInvalid:
        parsed = _parsed(texts, PLAY_COUNT)
        numbers = parsed[NUMBER].where(parsed[FRACTION] == 0, 0).clip(0, MOST_PLAYS + 1).to_numpy(np.int64)
    return np.where((numbers >= 1) & (numbers <= MOST_PLAYS), numbers, 0)


def _named(texts: pyarrow.Array) -> NDArray[np.bool_]:
    """As `earshot.catalogue.play_rows.is_id`, and UTF-8."""
    from pyarrow import compute

    lengths = compute.utf8_length(texts)
    good = _found(compute.and_(compute.greater(lengths, 0), compute.less_equal(lengths, LONGEST_ID)))
    if _may_hold_odd(texts):
        good &= ~_found(compute.match_substring_regex(texts, f"{NOT_IN_ID}|\ufffd"))
    return good


def _readable(texts: pyarrow.Array) -> NDArray[np.bool_]:
    from pyarrow import compute

    short = _found(compute.less_equal(compute.binary_length(texts), _LONGEST_BYTES))
    return short & ~_found(compute.match_substring(texts, "\ufffd"))


def _may_hold_odd(texts: pyarrow.Array) -> bool:
    """Whether a character that no id has may be in them: all are looked through at once, which is fast."""
    letters = texts.buffers()[2]  # validity, offsets, characters
    held = letters.to_pybytes() if letters else b""
    return not held.isascii() or len(held.translate(None, _CONTROL)) < len(held)


def _true_or_false(texts: pyarrow.Array) -> NDArray[np.bool_]:
    booleans = ("", "true", "false", "yes", "no", "1", "0", "1.0", "0.0")
    return np.array([text.strip().lower() in booleans for text in texts.to_pylist()], dtype=bool)


def _found(matches: pyarrow.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = matches.to_numpy(zero_copy_only=False)
    return found


def _dated(texts: pyarrow.Array) -> NDArray[np.bool_]:
    return _parsed(texts, PLAYED_AT)[DATED].to_numpy(dtype=bool)


def _parsed(texts: pyarrow.Array, column: str) -> pd.DataFrame:
    import pandas as pd

    blank = dict.fromkeys((USER_ID, SONG_ID, PLAY_COUNT, PLAYED_AT), "")
    return parse_rows(pd.DataFrame(blank | {column: texts.to_pandas()}, dtype=str))


def open_plays(folder: Path, columns: Collection[str]) -> Any:
    """A pyarrow writer for plays.parquet with user_id, song_id and those of play_count and played_at."""
    import pyarrow
    from pyarrow import parquet

    types = {
        USER_ID: pyarrow.string(),
        SONG_ID: pyarrow.string(),
        PLAY_COUNT: pyarrow.int64(),
        PLAYED_AT: pyarrow.string(),
    }
    schema = pyarrow.schema([(name, kind) for name, kind in types.items() if name in columns])
    return parquet.ParquetWriter(folder / "plays.parquet", schema)


def write_plays(writer: Any, plays: Mapping[str, Any]) -> None:
    """Write plays with the writer of `open_plays`; columns of text as pyarrow dictionaries."""
    import pyarrow

    arrays = dict(plays)
    if PLAY_COUNT in arrays:
        counts = arrays[PLAY_COUNT]
        arrays[PLAY_COUNT] = whole_numbers(counts.dictionary)[counts.indices.to_numpy()]
    writer.write_table(pyarrow.table([arrays[name] for name in writer.schema.names], writer.schema))
