"""Plays out of a warehouse, counted by Spark: tables too large to be exported, or that only Spark can read.

Source
    Yours: files that Spark reads (parquet, ORC, Delta where the session has its package) or a table of its
    catalogue. A row is a listener, a song, and how often or when; without either it is one play.
Licence, citation
    Those of the table.

Each row is judged on Spark's workers by the code that judges those of `earshot.datasets.table`, counted with
those of the same listener and song (and moment, where there is a column of times), and sorted by these:
whatever the number of files and workers, the same table gives the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np

from earshot.columns import FILE, LINE, PLAY_COUNT, PLAYED_AT, SONG_ID, USER_ID, VALUE, WANTED
from earshot.datasets.importing.drafts import Draft, new_delivery
from earshot.datasets.importing.play_columns import (
    MOST_PLAYS,
    identifier,
    moment,
    open_plays,
    play_number,
)
from earshot.datasets.importing.rows import Column
from earshot.datasets.spark_rows import judge, keys_of, schema_of
from earshot.errors import UserError
from earshot.files import read_batches
from earshot.foreign.arrow_text import NoTextError, as_text
from earshot.foreign.bounds import named_columns
from earshot.spark import HERE, spark_session

if TYPE_CHECKING:
    import pyarrow

CATALOGUE = "table"
"""In place of a format of files: a table of Spark's catalogue."""
_KINDS = {USER_ID: identifier, SONG_ID: identifier, PLAY_COUNT: play_number, PLAYED_AT: moment}
_FORMS_OF_FILES = ("parquet", "orc")
_ROWS = "rows"
_ROWS_WRITTEN = 1 << 20
"""Rows of a row group."""
_COUNTED = ".counted"


@dataclass(frozen=True)
class SparkImport:
    """What was read and kept.

    Attributes
    ----------
    rows
        Of the table that were kept.
    plays
        Rows of the delivery that these were counted into.
    set_aside
        Rows of the table that were not.
    """

    rows: int
    plays: int
    set_aside: int


def import_spark(
    table: str,
    output: Path,
    play_columns: Mapping[str, str],
    *,
    form: str = "parquet",
    master: str = HERE,
    source: str = "spark",
    plays: str = "increment",
) -> SparkImport:
    """Write the delivery `output` from a table of plays; it is never held in this process, nor on one worker.

    Parameters
    ----------
    table
        A path or URL that Spark reads, or the name of a table in its catalogue.
    output
        Spark's workers write beside it what they have counted: a folder that all of them see.
    play_columns
        What the table calls user_id, song_id and, where it has them, play_count and played_at.
    form
        Of the files, as Spark calls it, or `table`.
    master
        See `earshot.spark.spark_session`.
    source, plays
        For delivery.json.

    Raises
    ------
    UserError
        Spark or Java is missing; no such table; a column that is missing or of a type that is no text; no
        row that could be used; whatever Spark finds wrong.
    """
    wanted = {column: kind(play_columns[column]) for column, kind in _KINDS.items() if column in play_columns}
    with new_delivery(output, source, plays) as draft:
        with spark_session(master, f"earshot import spark {table}") as spark:
            frame = _open(spark, table, form)
            _refuse_columns(table, frame, list(wanted.values()))
            _count(frame, table, wanted).write.parquet(str(draft.folder.absolute() / _COUNTED))
        n_rows, n_plays = _deliver(draft, _Names(table), [*wanted])
        shutil.rmtree(draft.folder / _COUNTED)
        if not n_plays:
            raise UserError(f"{table}: no row could be used; {draft.set_aside.first or 'it has no rows'}")
    return SparkImport(n_rows, n_plays, draft.set_aside.count)


def _open(spark: Any, table: str, form: str) -> Any:
    """The table, and columns that names of folders are (`day=2`); UserError where a file would be skipped."""
    if form == CATALOGUE:
        return spark.read.table(table)
    frame = spark.read.format(form).load(table)
    if form in _FORMS_OF_FILES:
        files = sorted(frame.inputFiles())
        beside = [file for file in files if "=" not in PurePosixPath(unquote(file)).parent.name]
        if 0 < len(beside) < len(files):  # Spark lists them, and reads those of the folders alone
            raise UserError(
                f"{table}: Spark would not read {unquote(beside[0])}, which lies beside folders with "
                "names such as day=2: wanted all files in such folders, or none"
            )
    return frame


def _refuse_columns(table: str, frame: Any, columns: Iterable[Column]) -> None:
    """UserError for a column that is missing or is no text, as Arrow has it on the workers."""
    for column in columns:
        if column.name not in frame.columns:
            raise UserError(
                f"{table}: column {column.name!r} is missing; there are {named_columns(frame.columns)}"
            )
        values = frame.select(_quoted(column.name)).limit(0).toArrow().column(0).combine_chunks()
        try:
            as_text(values, column.is_id)
        except NoTextError as error:
            raise UserError(f"{table}: column {column.name!r} {error}") from None


def _count(frame: Any, table: str, wanted: Mapping[str, Column]) -> Any:
    """A row for each listener and song (and moment) with its plays, one for each that cannot be used."""
    from pyspark.sql import functions as F

    columns = list(wanted.values())
    read = frame.select(*map(_quoted, (column.name for column in columns)), *_places(frame, table))
    judged = read.mapInArrow(partial(judge, wanted=dict(wanted)), schema_of(wanted))
    keys = [FILE, LINE, VALUE, WANTED, *keys_of(wanted)]
    count = F.sum(PLAY_COUNT).alias(PLAY_COUNT), F.count("*").alias(_ROWS)
    # what can be used comes first, of which SetAside wants to know before it hears of the rest
    return judged.groupBy(*keys).agg(*count).orderBy(*(F.col(key).asc_nulls_first() for key in keys))


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _places(frame: Any, table: str) -> list[Any]:
    """The file and the number of each row, from 1, as far as Spark knows them of this kind of table."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F

    known = F.col("_metadata.file_path").alias(FILE), (F.col("_metadata.row_index") + 1).alias(LINE)
    unknown = F.lit(table).alias(FILE), F.lit(None).cast("long").alias(LINE)
    for places in (known, (known[0], unknown[1])):
        try:
            frame.select(*places)
        except AnalysisException:
            continue
        return [*places]
    return [*unknown]


class _Names:
    """What files are called in reports: their path below the table, as the importer of tables has it."""

    def __init__(self, table: str) -> None:
        self._root = Path(unquote(urlsplit(table).path)).absolute()

    def of(self, place: str) -> str:
        """Of a URL that Spark gives; what is not below the table stays whole."""
        path = Path(unquote(urlsplit(place).path))
        if path == self._root:
            return path.name
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else place


def _deliver(draft: Draft, names: _Names, columns: list[str]) -> tuple[int, int]:
    """Write what Spark has counted, a million rows at a time; how many rows that were, and are."""
    from pyarrow import compute

    n_rows = n_plays = 0
    columns = [USER_ID, SONG_ID, PLAY_COUNT, *[name for name in (PLAYED_AT,) if name in columns]]
    with open_plays(draft.folder, columns) as writer:
        for table in _in_groups(_counted(draft, names)):
            n_rows += compute.sum(table[_ROWS]).as_py()
            n_plays += table.num_rows
            writer.write_table(table.select(writer.schema.names).cast(writer.schema))
    return n_rows, n_plays


def _counted(draft: Draft, names: _Names) -> Iterator[pyarrow.Table]:
    """What can be used of Spark's parts, in their order; the rest is set aside."""
    import pyarrow
    from pyarrow import compute

    for path in sorted((draft.folder / _COUNTED).glob("part-*.parquet")):
        for batch in read_batches(path):
            table = pyarrow.Table.from_batches([batch])
            unusable = compute.is_valid(table[WANTED])
            for row in table.filter(unusable).to_pylist():
                _set_aside(draft, names.of(row[FILE]), row, row[VALUE], row[WANTED])
            yield _countable(draft, table.filter(compute.invert(unusable)))


def _countable(draft: Draft, table: pyarrow.Table) -> pyarrow.Table:
    """Without pairs of more plays than a row may hold."""
    from pyarrow import compute

    most = f"at most {MOST_PLAYS:,} plays together of a listener and a song"
    many = compute.greater(table[PLAY_COUNT], MOST_PLAYS)
    for row in table.filter(many).to_pylist():
        value = f"{row[USER_ID]}, {row[SONG_ID]}: {row[PLAY_COUNT]}"
        _set_aside(draft, "", row, value, most)
    kept = table.filter(compute.invert(many))
    draft.set_aside.used += compute.sum(kept[_ROWS]).as_py() or 0
    return kept


def _set_aside(draft: Draft, file: str, row: dict[str, Any], value: str, wanted: str) -> None:
    """As often as the table has it: more than once where Spark knows no numbers of rows."""
    lines: Any = np.broadcast_to(np.array(row[LINE], dtype=object), row[_ROWS])
    draft.set_aside.add_rows(file, lines, lambda _: value, wanted)


def _in_groups(tables: Iterable[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    """The same rows, a million in each table but the last, however many are in those that come."""
    import pyarrow

    held = None
    for table in tables:
        held = table if held is None else pyarrow.concat_tables([held, table])
        while held.num_rows >= _ROWS_WRITTEN:
            yield held.slice(0, _ROWS_WRITTEN)
            held = held.slice(_ROWS_WRITTEN)
    if held is not None and held.num_rows:
        yield held
