"""All deliveries' plays merged, and everything about them checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from earshot.columns import DELIVERY, ITEM, PLAY_COUNT, ROWS, SONG_ID, USER, USER_ID
from earshot.ids import is_among
from earshot.params import PlayCounts
from earshot.plays.counting import PairCounts
from earshot.plays.tables import ITEMS, PLAYS, USERS, write_play_counts
from earshot.validation import plays as expected
from earshot.validation.checks import Check, Observed, Result
from earshot.validation.parts import PLAYS_COLUMNS, PLAYS_FILE, read_observed
from earshot.validation.suite import Suite
from earshot.validation.writing import TableWriter

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN_FILE = "unknown.parquet"


@dataclass(frozen=True)
class Totals:
    """Rows as delivered, those set aside, and what the others made."""

    rows: int
    invalid_rows: int
    unknown_rows: int
    listeners: int
    songs: int
    plays: int

    @property
    def invalid_share(self) -> float:
        """Of all rows."""
        return self.invalid_rows / max(self.rows, 1)

    @property
    def unknown_share(self) -> float:
        """Of the valid rows."""
        return self.unknown_rows / max(self.rows - self.invalid_rows, 1)


def merge_parts(
    parts: Mapping[str, Path], named_songs: Collection[str], folder: Path, params: PlayCounts
) -> tuple[Totals, list[Result]]:
    """Write the play counts of all parts into `folder`, check them, and say what was seen.

    Plays of songs that are not in `named_songs` go to unknown.parquet (delivery,
    user_id, song_id, play_count, rows).

    Parameters
    ----------
    parts
        Folder of every delivery's part (`earshot.validation.parts`), in order of arrival.
    """
    delivered = _delivered(list(parts.values()), params.max_play_count)
    counts, known = _add_known(parts, named_songs, folder / UNKNOWN_FILE, params.chunk_rows)
    user_ids, song_ids, pairs = counts.added_up()
    write_play_counts(folder, user_ids, song_ids, pairs)
    rows, valid, unknown = delivered[0].observed.rows, known.observed.rows, known.observed.unexpected
    totals = Totals(rows, rows - valid, unknown, len(user_ids), len(song_ids), len(pairs))
    written = _check_written(folder, totals, params.chunk_rows)
    return totals, [*delivered, known, *written, *_check_totals(totals, params)]


def songs_of(parts: Iterable[Path], chunk_rows: int) -> set[str]:
    """The songs that the plays of all parts speak of."""
    found: set[str] = set()
    for part in parts:
        for chunk in _part_chunks(part, chunk_rows):
            found.update(chunk[SONG_ID].cat.categories.tolist())
    return found


def _delivered(parts: Sequence[Path], max_play_count: int) -> list[Result]:
    checks = expected.delivered_row_checks(max_play_count)
    observed = [Observed() for _ in checks]
    for part in parts:
        observed = [total + one for total, one in zip(observed, read_observed(part), strict=True)]
    return [Result(check, one) for check, one in zip(checks, observed, strict=True)]


def _add_known(
    parts: Mapping[str, Path], named_songs: Collection[str], unknown_file: Path, chunk_rows: int
) -> tuple[PairCounts, Result]:
    """The plays of known songs added up, the others written to `unknown_file`; counted in delivered rows."""
    check = expected.known_song_check()
    suite, counts, observed = Suite([check]), PairCounts(), Observed()
    with TableWriter(unknown_file, {DELIVERY: "string", **PLAYS_COLUMNS}) as unknown:
        for delivery, part in parts.items():
            for chunk in _part_chunks(part, chunk_rows):
                chunk[expected.KNOWN] = is_among(chunk[SONG_ID], named_songs)
                (seen,) = suite.run(chunk)
                left_out = chunk.iloc[seen.unexpected]
                unknown.write(left_out.assign(**{DELIVERY: delivery}))
                rows = Observed(int(chunk[ROWS].sum()), int(left_out[ROWS].sum()), seen.observed.examples)
                observed += rows
                good = chunk.drop(index=left_out.index)
                counts.add(good[USER_ID], good[SONG_ID], good[PLAY_COUNT].to_numpy(), good[ROWS].to_numpy())
    return counts, Result(check, observed)


def _check_written(folder: Path, totals: Totals, chunk_rows: int) -> list[Result]:
    """The three tables as they stand on disk, looked at again."""
    return [
        *_check_chunks(
            expected.pair_checks(totals.listeners, totals.songs),
            _numbered(_chunks(folder / PLAYS, chunk_rows), totals.songs),
        ),
        *_check_chunks(expected.id_checks(USERS, USER_ID), _chunks(folder / USERS, totals.listeners)),
        *_check_chunks(expected.id_checks(ITEMS, SONG_ID), _chunks(folder / ITEMS, totals.songs)),
    ]


def _check_totals(totals: Totals, params: PlayCounts) -> list[Result]:
    import pandas as pd

    values = {name: getattr(totals, name) for name in expected.TOTALS}
    results = _check_chunks(expected.total_checks(params), [pd.DataFrame([values])])
    numbers = {
        expected.INVALID_SHARE: f"{totals.invalid_rows:,} of {totals.rows:,} rows",
        expected.UNKNOWN_SHARE: f"{totals.unknown_rows:,} of {totals.rows - totals.invalid_rows:,} rows",
    }
    return [
        replace(result, observed=replace(result.observed, examples=(numbers[result.check.name],)))
        if result.check.name in numbers
        else result
        for result in results
    ]


def _check_chunks(checks: Sequence[Check], chunks: Iterable[pd.DataFrame]) -> list[Result]:
    suite, observed = Suite(checks), [Observed() for _ in checks]
    for chunk in chunks:
        observed = [total + one.observed for total, one in zip(observed, suite.run(chunk), strict=True)]
    return [Result(check, one) for check, one in zip(checks, observed, strict=True)]


def _numbered(chunks: Iterable[pd.DataFrame], n_items: int) -> Iterator[pd.DataFrame]:
    """With the columns of which `expected.pair_checks` speaks."""
    before = -1
    for chunk in chunks:
        chunk[expected.USER_NUMBER] = users = chunk[USER].to_numpy(dtype=np.int64)
        chunk[expected.ITEM_NUMBER] = items = chunk[ITEM].to_numpy(dtype=np.int64)
        pairs = users * n_items + items
        chunk[expected.STEP] = np.diff(pairs, prepend=before)
        yield chunk
        before = pairs[-1]


def _part_chunks(part: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    """The plays of a part; ids as categories, which are fast to look up."""
    return _chunks(part / PLAYS_FILE, chunk_rows, categories=(USER_ID, SONG_ID))


def _chunks(path: Path, chunk_rows: int, categories: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    from pyarrow import parquet

    with parquet.ParquetFile(path, read_dictionary=list(categories)) as opened:
        for batch in opened.iter_batches(batch_size=max(chunk_rows, 1)):
            yield batch.to_pandas()
