"""All deliveries' plays merged, and everything about them checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from earshot.arrays import is_among
from earshot.catalogue.play_counts import ITEMS, USERS, write_ids
from earshot.catalogue.plays import count_pairs, play_tables
from earshot.columns import DELIVERY, ITEM, PLAY_COUNT, ROWS, SONG_ID, USER, USER_ID
from earshot.files import read_batches
from earshot.params import PlayCountSettings
from earshot.validation import plays as expected
from earshot.validation.arrivals import WAITS, Arrivals, Pair, Songs, arrive, read_ids
from earshot.validation.expectations import EXAMPLES, Check, CheckResult, Observed
from earshot.validation.parts import (
    ITEMS_FILE,
    USERS_FILE,
    TableWriter,
    invalid_rows,
    part_plays,
    read_observed,
)
from earshot.validation.runs import Places, write_runs
from earshot.validation.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN_FILE = "unknown.parquet"
_IDS_AT_A_TIME = 2_000_000
_UNKNOWN_COLUMNS = {
    DELIVERY: "string",
    USER_ID: "string",
    SONG_ID: "string",
    PLAY_COUNT: "int64",
    ROWS: "int64",
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


def unknown_share(delivery: str, part: Path, named_songs: Collection[str]) -> tuple[Share, list[str]]:
    """Of the valid rows of plays of a delivery, those whose song is not in `named_songs`; some such songs."""
    import pandas as pd

    songs = pd.read_parquet(part / ITEMS_FILE)
    songs[expected.KNOWN] = is_among(songs[SONG_ID], named_songs)
    unknown = songs[~songs[expected.KNOWN]]
    share = Share(delivery, int(unknown[ROWS].sum()), int(songs[ROWS].sum()))
    return share, unknown[SONG_ID].head(EXAMPLES).tolist()


def merge_parts(
    names: Sequence[str],
    parts: Sequence[tuple[Path, int]],
    songs: Songs,
    excluded: Collection[Pair],
    places: Places,
    params: PlayCountSettings,
) -> tuple[Totals, list[CheckResult]]:
    """Write the play counts of all parts, check them, and say what was seen.

    How many rows may be invalid, and how many of an unknown song, is judged by each delivery
    alone: the totals tell the worst. Plays of songs that no delivery names go to
    unknown.parquet (delivery, user_id, song_id, play_count, rows).

    Parameters
    ----------
    names
        Of the deliveries whose parts come first; behind them are those of likes.
    parts
        The folder of each part (`earshot.validation.parts`) and its number, in order of arrival.
    songs
        Those of `parts`.
    excluded
        Pairs of user_id and song_id whose plays do not count.
    """
    folders = {name: folder for name, (folder, _) in zip(names, parts, strict=False)}
    delivered = _delivered(list(folders.values()), params.max_play_count)
    known, unknown_shares = _check_songs(folders, songs, places.output / UNKNOWN_FILE)
    arrivals = arrive(parts, songs, excluded)
    write_ids(places.output, arrivals.user_ids, arrivals.song_ids)
    seen = write_runs(arrivals, places, partial(_check_plays, arrivals, params.chunk_rows))
    totals = Totals(
        delivered[0].observed.rows,
        delivered[0].observed.rows - known.observed.rows,
        known.observed.unexpected,
        len(arrivals.user_ids),
        len(arrivals.song_ids),
        count_pairs(play_tables(places.output)),
        arrivals.excluded_rows if excluded else None,
    )
    del arrivals  # ten million ids take a gigabyte, and are now read again
    shares = {
        expected.INVALID_SHARE: _worst(invalid_share(name, part) for name, part in folders.items()),
        expected.UNKNOWN_SHARE: _worst(unknown_shares),
    }
    pairs = expected.pair_checks(totals.listeners, totals.songs)
    written = [CheckResult(check, one) for check, one in zip(pairs, seen, strict=True)]
    ids = _check_ids(places.output)
    return totals, [*delivered, known, *written, *ids, *_check_totals(totals, shares, params)]


def _worst(shares: Iterable[Share]) -> Share:
    return max(shares, key=lambda share: share.value)


def _delivered(parts: Sequence[Path], max_play_count: int) -> list[CheckResult]:
    checks = expected.delivered_row_checks(max_play_count)
    observed = [Observed() for _ in checks]
    for part in parts:
        observed = [total + one for total, one in zip(observed, read_observed(part), strict=True)]
    return [CheckResult(check, one) for check, one in zip(checks, observed, strict=True)]


def _check_songs(parts: Mapping[str, Path], all_songs: Songs, path: Path) -> tuple[CheckResult, list[Share]]:
    """Whether the songs of all plays are known, counted in delivered rows; and the share of each delivery.

    Plays that wait for their song are written to `path`.
    """
    import pandas as pd

    check = expected.known_song_check()
    suite, observed, shares = Suite([check]), Observed(), []
    with TableWriter(path, _UNKNOWN_COLUMNS) as unknown:
        for (delivery, part), codes in zip(parts.items(), all_songs.of_parts, strict=False):
            songs = pd.read_parquet(part / ITEMS_FILE)
            songs[expected.KNOWN] = all_songs.named[codes] != WAITS
            (seen,) = suite.run(songs)
            rows, bad = int(songs[ROWS].sum()), int(songs[ROWS].iloc[seen.unexpected].sum())
            observed += Observed(rows, bad, seen.observed.examples)
            shares.append(Share(delivery, bad, rows))
            for plays in _waiting(part, songs):
                unknown.write(plays.assign(**{DELIVERY: delivery}))
    return CheckResult(check, observed), shares


def _waiting(part: Path, songs: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The plays of a part whose song no delivery names, piece by piece; `songs` are those of the part."""
    import pandas as pd

    if songs[expected.KNOWN].all():
        return
    waits, user_ids = ~songs[expected.KNOWN].to_numpy(), read_ids(part / USERS_FILE, USER_ID)
    for plays in part_plays(part):
        some = {name: values[waits[plays[ITEM]]] for name, values in plays.items()}
        ids = {USER_ID: user_ids.array[some[USER]], SONG_ID: songs[SONG_ID].array[some[ITEM]]}
        yield pd.DataFrame(ids | {name: some[name] for name in (PLAY_COUNT, ROWS)})


def _check_plays(arrivals: Arrivals, chunk_rows: int, path: Path) -> list[Observed]:
    """What the checks of plays see in a file as it stands on disk."""
    checks = expected.pair_checks(len(arrivals.user_ids), len(arrivals.song_ids))
    chunks = _numbered(_chunks(path, chunk_rows), len(arrivals.song_ids))
    return [result.observed for result in _check_chunks(checks, chunks)]


def _check_ids(folder: Path) -> list[CheckResult]:
    """The tables of ids as they stand on disk, looked at again."""
    return [
        result
        for table, column in ((USERS, USER_ID), (ITEMS, SONG_ID))
        for result in _check_chunks(expected.id_checks(table, column), _id_chunks(folder / table, column))
    ]


def _id_chunks(path: Path, column: str) -> Iterator[pd.DataFrame]:
    """A table of ids, whole or, where it is large, by their last letters: the same ids are in one chunk."""
    import pandas as pd

    ids = pd.read_parquet(path)
    if len(ids) <= _IDS_AT_A_TIME:
        yield ids
        return
    # not by groupby: that sorts all, and holds them twice
    letters, different = pd.factorize(ids[column].str[-1])
    for letter in range(-1, len(different)):  # -1: no id
        yield ids[letters == letter]


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


def _chunks(path: Path, chunk_rows: int) -> Iterator[pd.DataFrame]:
    for batch in read_batches(path, rows=max(chunk_rows, 1)):
        yield batch.to_pandas()
