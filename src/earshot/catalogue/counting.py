"""Adding up plays by listener and song, as they come, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.play_rows import NO_SECOND
from earshot.catalogue.plays import Integers, items_of, pair_keys, users_of
from earshot.columns import FIRST_PLAYED_AT, ITEM, LAST_PLAYED_AT, PLAY_COUNT, ROWS, USER

if TYPE_CHECKING:
    import pandas as pd

Lines = NDArray[np.void]

_PENDING_ROWS = 4_000_000
NEVER = 2**63 - 1
"""In place of a first second that no row says: wins no minimum."""

_PAIR = "pair"
_UNDATED = np.dtype([(_PAIR, np.int64), (PLAY_COUNT, np.int64), (ROWS, np.int64)])
_DATED = np.dtype([*_UNDATED.descr, (FIRST_PLAYED_AT, np.int64), (LAST_PLAYED_AT, np.int64)])


class PairCounts:
    """Play counts added up by listener and song, both numbered.

    More than some millions wait on the disk, in files by ranges of listeners; a thread sorts and writes them
    while the next are added. Left as a context, nothing is written any more, whatever went wrong.

    Parameters
    ----------
    folder
        Where; made when it is needed, and to be removed by whoever named it.
    width
        Listeners of a range: range k has those from `k * width` on. The plays of one are added up in memory.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self._folder, self._width = folder, width
        self._pending: list[Lines] = []
        self._in_memory: Lines | None = None
        self._ranges: set[int] = set()
        self._thread = ThreadPoolExecutor(1)  # its thread starts with the first work
        self._spilling: Future[None] | None = None

    def __enter__(self) -> PairCounts:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def add(
        self,
        users: NDArray[Any],
        items: NDArray[Any],
        play_counts: NDArray[Any] | int,
        rows: NDArray[Any] | int,
        first: NDArray[Any] | int = NO_SECOND,
        last: NDArray[Any] | int = NO_SECOND,
    ) -> None:
        """Add plays.

        Parameters
        ----------
        users, items
            (n,) whole numbers from 0.
        play_counts
            (n,) whole numbers.
        rows
            (n,): how many delivered rows stand behind each.
        first, last
            (n,): when the first and the last play was, unix seconds; both `NO_SECOND` where that is not said.
        """
        dated = bool(np.any(np.not_equal(last, NO_SECOND)))
        lines = np.empty(len(users), _DATED if dated else _UNDATED)
        lines[_PAIR], lines[PLAY_COUNT], lines[ROWS] = pair_keys(users, items), play_counts, rows
        if dated:
            # NO_SECOND, the least of int64, would win every minimum
            lines[FIRST_PLAYED_AT] = np.where(np.equal(first, NO_SECOND), NEVER, first)
            lines[LAST_PLAYED_AT] = last
        if len(lines):
            self._pending.append(lines)
        if sum(map(len, self._pending)) > _PENDING_ROWS:
            self._spill()

    def settle(self) -> list[int]:
        """Numbers of the ranges that hold plays, ascending. Nothing is to be added any more."""
        if self._spilling is not None:
            if self._pending:
                self._spill()
            self._spilling.result()
            return sorted(self._ranges)
        self._in_memory = add_up(self._pending)
        self._pending = []
        return [int(number) for number in np.unique(self._range_of(self._in_memory))]

    def added_up(self, number: int) -> pd.DataFrame:
        """One line a pair of a range, once all is settled; several threads may ask.

        Returns
        -------
        user, item, play_count, rows, and first_played_at and last_played_at (Int64, missing where no row said
        when); sorted by user and item.
        """
        if self._in_memory is not None:
            # keys of the range's first listener and of the next one's, each with song 0
            ends = pair_keys(np.array([number, number + 1]) * self._width, np.zeros(2, np.int64))
            first, last = np.searchsorted(self._in_memory[_PAIR], ends)
            return as_frame(self._in_memory[first:last])
        found = [(self._file(number, kind), kind) for kind in (_UNDATED, _DATED)]
        return as_frame(add_up(np.fromfile(path, kind) for path, kind in found if path.is_file()))

    def _range_of(self, lines: Lines) -> Integers:
        ranges: Integers = users_of(lines[_PAIR]) // self._width
        return ranges

    def _file(self, number: int, kind: np.dtype[Any]) -> Path:
        return self._folder / f"{number}.{'dated' if kind == _DATED else 'undated'}"

    def _spill(self) -> None:
        """Have what is pending appended to the files of its ranges; raises what went wrong the last time."""
        if self._spilling is not None:
            self._spilling.result()  # no more than that is held beside what is added meanwhile
        pending, self._pending = self._pending, []
        self._spilling = self._thread.submit(self._append, pending)

    def _append(self, pending: list[Lines]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = add_up(pending)
        ranges = self._range_of(lines)
        numbers, starts = np.unique(ranges, return_index=True)
        for number, some in zip(numbers.tolist(), np.split(lines, starts[1:]), strict=True):
            with self._file(number, lines.dtype).open("ab") as file:
                some.tofile(file)
        self._ranges.update(numbers.tolist())


def add_up(parts: Iterable[Lines]) -> Lines:
    """Lines of several tables as one, sorted by pair, each pair once; with dates if one of them has some."""
    every = _joined(list(parts))
    pairs = every[_PAIR]
    steps = np.diff(pairs)
    if (steps < 0).any():
        order = np.argsort(pairs, kind="stable")
        every = every[order]
        steps = np.diff(every[_PAIR])
    if (steps > 0).all():
        return every
    starts = np.flatnonzero(np.concatenate([[True], steps > 0]))  # first of every pair
    added = every[starts]
    added[PLAY_COUNT] = np.add.reduceat(every[PLAY_COUNT], starts)
    added[ROWS] = np.add.reduceat(every[ROWS], starts)
    if every.dtype == _DATED:
        added[FIRST_PLAYED_AT] = np.minimum.reduceat(every[FIRST_PLAYED_AT], starts)
        added[LAST_PLAYED_AT] = np.maximum.reduceat(every[LAST_PLAYED_AT], starts)
    return added


def _joined(parts: list[Lines]) -> Lines:
    """One after another; where one has dates, those without say that they know none."""
    dated = any(part.dtype == _DATED for part in parts)
    joined = np.empty(sum(map(len, parts)), _DATED if dated else _UNDATED)
    start = 0
    for part in parts:
        end = start + len(part)
        if dated and part.dtype != _DATED:
            joined[FIRST_PLAYED_AT][start:end], joined[LAST_PLAYED_AT][start:end] = NEVER, NO_SECOND
        for name in part.dtype.names or ():
            joined[name][start:end] = part[name]
        start = end
    return joined


def as_frame(lines: Lines) -> pd.DataFrame:
    """What `PairCounts.added_up` says of lines that are added up."""
    import pandas as pd

    columns: dict[str, Any] = {
        USER: users_of(lines[_PAIR]).astype(np.int32),
        ITEM: items_of(lines[_PAIR]).astype(np.int32),
        PLAY_COUNT: lines[PLAY_COUNT],
        ROWS: lines[ROWS],
    }
    dated = lines.dtype == _DATED
    unsaid = lines[LAST_PLAYED_AT] == NO_SECOND if dated else np.ones(len(lines), np.bool_)
    for name in (FIRST_PLAYED_AT, LAST_PLAYED_AT):
        seconds = lines[name].copy() if dated else np.zeros(len(lines), np.int64)
        columns[name] = pd.arrays.IntegerArray(seconds, unsaid.copy())
    return pd.DataFrame(columns, copy=False)
