"""All deliveries' plays merged, and everything about them checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among, positions_of
from earshot.catalogue.counting import PairCounts
from earshot.catalogue.play_counts import ITEMS, PLAYS, USERS, write_play_counts
from earshot.catalogue.play_rows import NO_SECOND
from earshot.columns import (
    DELIVERY,
    FIRST_PLAYED_AT,
    ITEM,
    LAST_PLAYED_AT,
    PLAY_COUNT,
    ROWS,
    SONG_ID,
    USER,
    USER_ID,
)
from earshot.params import PlayCountSettings
from earshot.validation import plays as expected
from earshot.validation.expectations import EXAMPLES, Check, CheckResult, Observed
from earshot.validation.parts import PLAYS_COLUMNS, PLAYS_FILE, TableWriter, invalid_rows, read_observed
from earshot.validation.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

Ids = NDArray[np.object_]
Pair = tuple[str, str]
"""user_id and song_id."""

UNKNOWN_FILE = "unknown.parquet"
_UNKNOWN_COLUMNS = {
    DELIVERY: "string",
    **{name: kind for name, kind in PLAYS_COLUMNS.items() if name not in (FIRST_PLAYED_AT, LAST_PLAYED_AT)},
}


@dataclass(frozen=True)
class Totals:
    """Rows as delivered, those set aside, and what the others made.

    Attributes
    ----------
    excluded_rows
        Of pairs that shall not count; None where feedback names none.
    """

    rows: int
    invalid_rows: int
    unknown_rows: int
    listeners: int
    songs: int
    plays: int
    excluded_rows: int | None = None

    def as_json(self) -> dict[str, int]:
        """By name, without what is None: a catalogue without such feedback keeps its bytes."""
        return {name: number for name, number in vars(self).items() if number is not None}


@dataclass(frozen=True)
class Share:
    """Of the rows of one delivery, those that are bad."""

    delivery: str
    bad: int
    rows: int

    @property
    def value(self) -> float:
        """`bad` over `rows`; 0 of no rows."""
        return self.bad / max(self.rows, 1)


def invalid_share(delivery: str, part: Path) -> Share:
    """Of all rows of plays that a delivery brings, those that were set aside in its `part`."""
    return Share(delivery, invalid_rows(part), read_observed(part)[0].rows)


def unknown_share(
    delivery: str, part: Path, named_songs: Collection[str], chunk_rows: int
) -> tuple[Share, list[str]]:
    """Of the valid rows of plays of a delivery, those whose song is not in `named_songs`; some such songs."""
    bad = rows = 0
    songs: dict[str, None] = {}
    for chunk in _part_chunks(part, chunk_rows):
        unknown = chunk[~is_among(chunk[SONG_ID], named_songs)]
        # in delivered rows: a line of a part stands for one or more
        bad, rows = bad + int(unknown[ROWS].sum()), rows + int(chunk[ROWS].sum())
        songs.update(dict.fromkeys(unknown[SONG_ID].head(EXAMPLES).tolist()))
    return Share(delivery, bad, rows), list(songs)[:EXAMPLES]


def merge_parts(
    parts: Mapping[str, Path],
    named_songs: Collection[str],
    excluded: Collection[Pair],
    liked: Collection[Pair],
    folder: Path,
    params: PlayCountSettings,
) -> tuple[Totals, list[CheckResult]]:
    """Write the play counts of all parts into `folder`, check them, and say what was seen.

    How many rows may be invalid, and how many of an unknown song, is judged by each delivery
    alone: the totals tell the worst. Plays of songs that are not in `named_songs` go to
    unknown.parquet (delivery, user_id, song_id, play_count, rows).

    Parameters
    ----------
    parts
        Folder of every delivery's part (`earshot.validation.parts`), in order of arrival.
    excluded
        Pairs of user_id and song_id whose plays do not count, however they came.
    liked
        Pairs that count `params.like_plays` plays more, or so many where there is none; of songs that are not
        in `named_songs` nothing.
    """
    delivered = _delivered(list(parts.values()), params.max_play_count)
    counts, known, unknown_shares = _add_known(parts, named_songs, folder / UNKNOWN_FILE, params.chunk_rows)
    if liked and params.like_plays:
        _add_liked(counts, [pair for pair in liked if pair[1] in named_songs], params.like_plays)
    user_ids, song_ids, pairs, excluded_rows = _without(excluded, *counts.added_up())
    write_play_counts(folder, user_ids, song_ids, pairs)
    rows, valid, unknown = delivered[0].observed.rows, known.observed.rows, known.observed.unexpected
    totals = Totals(
        rows,
        rows - valid,
        unknown,
        len(user_ids),
        len(song_ids),
        len(pairs),
        excluded_rows if excluded else None,
    )
    written = _check_written(folder, totals, params.chunk_rows)
    shares = {
        expected.INVALID_SHARE: _worst(invalid_share(name, part) for name, part in parts.items()),
        expected.UNKNOWN_SHARE: _worst(unknown_shares),
    }
    return totals, [*delivered, known, *written, *_check_totals(totals, shares, params)]


def _add_liked(counts: PairCounts, liked: Sequence[Pair], plays: int) -> None:
    """They stand behind no delivered row, and are not dated: a like does not age."""
    import pandas as pd

    users, songs = (pd.Series([pair[side] for pair in liked], dtype=str) for side in (0, 1))
    counts.add(users, songs, np.full(len(liked), plays), rows=0)


def _without(
    excluded: Collection[Pair], user_ids: Ids, song_ids: Ids, pairs: pd.DataFrame
) -> tuple[Ids, Ids, pd.DataFrame, int]:
    """What `PairCounts.added_up` gives without some pairs, and how many delivered rows these were.

    Listeners and songs that are left without a play go too.
    """
    if not excluded:
        return user_ids, song_ids, pairs, 0
    users, songs = (
        positions_of(ids, [pair[side] for pair in excluded]) for side, ids in enumerate((user_ids, song_ids))
    )
    there = (users >= 0) & (songs >= 0)
    # a number a pair
    out = np.isin(pairs[USER] * len(song_ids) + pairs[ITEM], users[there] * len(song_ids) + songs[there])
    left = pairs[~out].reset_index(drop=True)
    kept_users, left[USER] = np.unique(left[USER], return_inverse=True)
    kept_songs, left[ITEM] = np.unique(left[ITEM], return_inverse=True)
    return user_ids[kept_users], song_ids[kept_songs], left, int(pairs.loc[out, ROWS].sum())


def _worst(shares: Iterable[Share]) -> Share:
    return max(shares, key=lambda share: share.value)


def songs_of(parts: Iterable[Path], chunk_rows: int) -> set[str]:
    """The songs that the plays of all parts speak of."""
    found: set[str] = set()
    for part in parts:
        for chunk in _part_chunks(part, chunk_rows):
            found.update(chunk[SONG_ID].cat.categories.tolist())
    return found


def _delivered(parts: Sequence[Path], max_play_count: int) -> list[CheckResult]:
    checks = expected.delivered_row_checks(max_play_count)
    observed = [Observed() for _ in checks]
    for part in parts:
        observed = [total + one for total, one in zip(observed, read_observed(part), strict=True)]
    return [CheckResult(check, one) for check, one in zip(checks, observed, strict=True)]


def _add_known(
    parts: Mapping[str, Path], named_songs: Collection[str], unknown_file: Path, chunk_rows: int
) -> tuple[PairCounts, CheckResult, list[Share]]:
    """The plays of known songs added up, the others written to `unknown_file`; counted in delivered rows."""
    check = expected.known_song_check()
    suite, counts, observed = Suite([check]), PairCounts(), Observed()
    shares = []
    with TableWriter(unknown_file, _UNKNOWN_COLUMNS) as unknown:
        for delivery, part in parts.items():
            before = observed
            for chunk in _part_chunks(part, chunk_rows):
                chunk[expected.KNOWN] = is_among(chunk[SONG_ID], named_songs)
                (seen,) = suite.run(chunk)
                left_out = chunk.iloc[seen.unexpected]
                unknown.write(left_out.assign(**{DELIVERY: delivery}))
                n_rows, n_left_out = int(chunk[ROWS].sum()), int(left_out[ROWS].sum())
                observed += Observed(n_rows, n_left_out, seen.observed.examples)
                good = chunk.drop(index=left_out.index)
                columns = (PLAY_COUNT, ROWS, FIRST_PLAYED_AT, LAST_PLAYED_AT)
                numbers = (good[name].fillna(NO_SECOND).to_numpy(dtype=np.int64) for name in columns)
                counts.add(good[USER_ID], good[SONG_ID], *numbers)
            bad, rows = observed.unexpected - before.unexpected, observed.rows - before.rows
            shares.append(Share(delivery, bad, rows))
    return counts, CheckResult(check, observed), shares


def _check_written(folder: Path, totals: Totals, chunk_rows: int) -> list[CheckResult]:
    """The three tables as they stand on disk, looked at again."""
    return [
        *_check_chunks(
            expected.pair_checks(totals.listeners, totals.songs),
            _numbered(_chunks(folder / PLAYS, chunk_rows), totals.songs),
        ),
        *_check_chunks(expected.id_checks(USERS, USER_ID), _chunks(folder / USERS, totals.listeners)),
        *_check_chunks(expected.id_checks(ITEMS, SONG_ID), _chunks(folder / ITEMS, totals.songs)),
    ]


def _check_totals(
    totals: Totals, shares: Mapping[str, Share], params: PlayCountSettings
) -> list[CheckResult]:
    import pandas as pd

    values = {
        name: shares[name].value if name in shares else getattr(totals, name) for name in expected.TOTALS
    }
    results = _check_chunks(expected.total_checks(params), [pd.DataFrame([values])])
    numbers = {
        name: f"{share.bad:,} of {share.rows:,} rows of delivery {share.delivery!r}"
        for name, share in shares.items()
    }
    return [
        replace(result, observed=replace(result.observed, examples=(numbers[result.check.name],)))
        if result.check.name in numbers
        else result
        for result in results
    ]


def _check_chunks(checks: Sequence[Check], chunks: Iterable[pd.DataFrame]) -> list[CheckResult]:
    suite, observed = Suite(checks), [Observed() for _ in checks]
    for chunk in chunks:
        observed = [total + one.observed for total, one in zip(observed, suite.run(chunk), strict=True)]
    return [CheckResult(check, one) for check, one in zip(checks, observed, strict=True)]


def _numbered(chunks: Iterable[pd.DataFrame], n_items: int) -> Iterator[pd.DataFrame]:
    """With the columns of which `expected.pair_checks` speaks."""
    before = -1
    for chunk in chunks:
        chunk[expected.USER_NUMBER] = users = chunk[USER].to_numpy(dtype=np.int64)
        chunk[expected.ITEM_NUMBER] = items = chunk[ITEM].to_numpy(dtype=np.int64)
        pairs = users * n_items + items  # ascending where the table is sorted by user and item
        chunk[expected.STEP] = np.diff(pairs, prepend=before)  # `before` ties it to the last chunk
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
