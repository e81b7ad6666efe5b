"""The plays of one delivery, validated chunk by chunk and added up: what is kept of it from run to run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.counting import PairCounts
from earshot.catalogue.numbering import Numbering
from earshot.catalogue.play_rows import NO_SECOND, NUMBER, SECOND, parse_rows
from earshot.columns import (
    COLUMN,
    DELIVERY,
    FILE,
    FIRST_PLAYED_AT,
    ITEM,
    LAST_PLAYED_AT,
    PLAY_COUNT,
    REASON,
    ROW,
    ROWS,
    SONG_ID,
    USER,
    USER_ID,
    VALUE,
)
from earshot.executors.threads import in_threads
from earshot.files import read_batches, read_json, write_json, write_table
from earshot.validation.expectations import Check, Observed

if TYPE_CHECKING:
    import pandas as pd

    from earshot.validation.plain_suite import PlainSuite
    from earshot.validation.suite import Seen, Suite


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


PLAYS_FILE, INVALID_FILE, OBSERVED_FILE = "plays.parquet", "invalid.parquet", "observed.json"
USERS_FILE, ITEMS_FILE = "users.parquet", "items.parquet"

PART_FILES = (PLAYS_FILE, USERS_FILE, ITEMS_FILE, INVALID_FILE, OBSERVED_FILE)

PAIRS = "pairs"
"""Of a song in a part: how many listeners have played it."""
_LISTENERS_AT_A_TIME = 1 << 15
_COUNTED = (PLAY_COUNT, ROWS, FIRST_PLAYED_AT, LAST_PLAYED_AT)
PLAYS_COLUMNS = {USER: "int32", ITEM: "int32", **dict.fromkeys(_COUNTED, "int64")}
INVALID_COLUMNS = {
    DELIVERY: "string",
    FILE: "string",
    ROW: "int64",
    COLUMN: "string",
    VALUE: "string",
    REASON: "string",
}


def write_part(
    folder: Path,
    delivery: str,
    chunks: Iterable[tuple[str, pd.DataFrame]],
    suite: Suite | PlainSuite,
    enough: Callable[[int, int], bool] = lambda *_: False,
) -> None:
    """Validate and add up the plays of one delivery.

    Writes into `folder` users.parquet (user_id) and items.parquet (song_id, rows, pairs), in the order in
    which they first come; plays.parquet (user and item, rows of the two, play_count, rows, first_played_at,
    last_played_at; one line a pair, sorted); invalid.parquet (delivery, file, row, column, value,
    reason: one line a row that was set aside) and observed.json.

    Parameters
    ----------
    chunks
        File name and rows as text; the index of the rows counts those of the file.
    suite
        Of `earshot.validation.plays.delivered_row_checks`.
    enough
        Given how many rows were invalid and how many were read: whether to read no more of them.
    """
    users, items, counts = Numbering(), Numbering(), PairCounts(folder / "spilled", _LISTENERS_AT_A_TIME)
    observed = [Observed() for _ in suite.checks]
    set_aside = read = 0
    with counts:  # on an error too: whoever removes the folder then meets no thread that writes into it
        with TableWriter(folder / INVALID_FILE, INVALID_COLUMNS) as invalid:
            # while one chunk is judged, the next is read and the last one counted
            for seen, bad, good in in_threads(partial(_judge, delivery, suite), chunks, n_threads=1):
                observed = [total + one for total, one in zip(observed, seen, strict=True)]
                invalid.write(bad)
                set_aside, read = set_aside + len(bad), read + len(bad) + len(good)
                if enough(set_aside, read):
                    break
                pairs = users.numbers(good[USER_ID]), items.numbers(good[SONG_ID])
                plays, second = good[NUMBER].to_numpy(dtype=np.int64), good[SECOND].to_numpy()
                counts.add(*pairs, plays, rows=1, first=second, last=second)
        ids = users.ids(), items.ids()
        del users, items  # of ten million listeners they take 1.5 GB
        write_counted(folder, *ids, counts)
    write_json(folder / OBSERVED_FILE, [asdict(one) for one in observed])


def read_observed(folder: Path) -> list[Observed]:
    """What the row checks saw in a part, in their order."""
    return list(map(observed_of, read_json(folder / OBSERVED_FILE)))


def observed_of(content: Mapping[str, Any]) -> Observed:
    """What `asdict` made of an observation, out of JSON."""
    return Observed(**{**content, "examples": tuple(content["examples"])})


def part_plays(folder: Path) -> Iterator[dict[str, NDArray[Any]]]:
    """The plays of a part, piece by piece, columns (n,); `NO_SECOND` in place of a date that nothing says."""
    for batch in read_batches(folder / PLAYS_FILE, rows=1 << 20):
        columns = zip(batch.schema.names, batch.columns, strict=True)
        yield {
            name: (each.fill_null(NO_SECOND) if each.null_count else each).to_numpy()
            for name, each in columns
        }


def invalid_rows(folder: Path) -> int:
    """How many rows of a part were set aside."""
    from pyarrow import parquet

    rows: int = parquet.read_metadata(folder / INVALID_FILE).num_rows
    return rows


def join_invalid(parts: Iterable[Path], path: Path) -> None:
    """Write the invalid rows of all `parts` into one table."""
    with TableWriter(path, INVALID_COLUMNS) as joined:
        for part in parts:
            for batch in read_batches(part / INVALID_FILE):
                joined.write(batch.to_pandas())


def _judge(
    delivery: str, suite: Suite | PlainSuite, chunk: tuple[str, pd.DataFrame]
) -> tuple[list[Observed], pd.DataFrame, pd.DataFrame]:
    """What the checks see in the rows of a file; those that are set aside; the others, parsed."""
    file, rows = chunk
    parsed = parse_rows(rows)
    seen = suite.run(parsed)
    bad = _set_aside(delivery, file, rows, suite.checks, seen)
    good = parsed[[USER_ID, SONG_ID, NUMBER, SECOND]]  # the texts of the others are dear to copy
    good = good.drop(index=bad.index) if len(bad) else good
    return [one.observed for one in seen], bad, good


def _set_aside(
    delivery: str, file: str, rows: pd.DataFrame, checks: tuple[Check, ...], seen: list[Seen]
) -> pd.DataFrame:
    """The invalid among `rows`, each with the first thing that is wrong with it."""
    import pandas as pd

    first = np.full(len(rows), len(checks), dtype=np.int64)  # first check that fails; len(checks): none
    for number, one in reversed(list(enumerate(seen))):  # backwards: the first to fail is written last
        first[one.unexpected] = number
    places = np.flatnonzero(first < len(checks))
    bad, first = rows.iloc[places], first[places]
    values = np.empty(len(bad), dtype=object)
    for number, check in enumerate(checks):
        values[first == number] = bad[check.column][first == number]
    return pd.DataFrame(
        {
            DELIVERY: delivery,
            FILE: file,
            ROW: bad.index + 1,
            COLUMN: np.array([check.column for check in checks], dtype=object)[first],
            VALUE: values,
            REASON: np.array([f"wanted {check.expected}" for check in checks], dtype=object)[first],
        },
        index=bad.index,
    )


def write_counted(folder: Path, user_ids: pd.Series, song_ids: pd.Series, counts: PairCounts) -> None:
    """Write plays.parquet, users.parquet and items.parquet of a part; what `counts` has spilled goes."""
    import pandas as pd

    rows, pairs = np.zeros(len(song_ids), np.int64), np.zeros(len(song_ids), np.int64)
    with TableWriter(folder / PLAYS_FILE, PLAYS_COLUMNS) as plays:
        for some in in_threads(counts.added_up, counts.settle()):
            plays.write(some)
            rows += np.bincount(some[ITEM], some[ROWS], len(song_ids)).astype(np.int64)  # exact below 2**53
            pairs += np.bincount(some[ITEM], minlength=len(song_ids))
    shutil.rmtree(folder / "spilled", ignore_errors=True)
    write_table(folder / USERS_FILE, pd.DataFrame({USER_ID: user_ids}, dtype=str))
    items = pd.DataFrame({SONG_ID: song_ids}, dtype=str)
    write_table(folder / ITEMS_FILE, items.assign(**{ROWS: rows, PAIRS: pairs}))
