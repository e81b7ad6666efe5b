"""Adding up plays by listener and song, as they come, in memory that grows with the different pairs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.play_rows import NO_SECOND
from earshot.columns import FIRST_PLAYED_AT, ITEM, LAST_PLAYED_AT, PLAY_COUNT, ROWS, USER

if TYPE_CHECKING:
    import pandas as pd

Integers = NDArray[np.int64]

_PENDING_ROWS = 4_000_000
_SONG_BITS = 32  # low bits of a pair's key, for the song; the listener has those above
_NEVER = 2**63 - 1  # in place of a first second that no row says: wins no minimum


class Numbering:
    """Numbers for ids, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def numbers(self, ids: pd.Series) -> Integers:
        """The number of each id, (n,); str or categories of str."""
        import pandas as pd

        codes, different = pd.factorize(ids)
        known = [self._numbers.setdefault(name, len(self._numbers)) for name in different.tolist()]
        return np.array(known, dtype=np.int64)[codes]  # each different id was looked up once

    def ranked(self) -> tuple[NDArray[np.object_], Integers]:
        """All ids sorted, and the place of number 0, 1, 2 ... among them; (n,) each."""
        ids = sorted(self._numbers)
        ranks = np.empty(len(ids), dtype=np.int64)
        # ranks[number] is the place of that id among the sorted
        ranks[[self._numbers[name] for name in ids]] = np.arange(len(ids))
        return np.array(ids, dtype=object), ranks


class PairCounts:
    """Play counts added up by listener and song."""

    def __init__(self) -> None:
        self._users, self._songs = Numbering(), Numbering()
        # Lines: pair, play_count, rows; and first and last second once a play comes that says one.
        self._pairs = np.empty((3, 0), dtype=np.int64)
        self._pending: list[Integers] = []

    def add(
        self,
        user_ids: pd.Series,
        song_ids: pd.Series,
        play_counts: NDArray[Any],
        rows: NDArray[Any] | int,
        first: NDArray[Any] | int = NO_SECOND,
        last: NDArray[Any] | int = NO_SECOND,
    ) -> None:
        """Add plays.

        Parameters
        ----------
        user_ids, song_ids
            (n,) str, or categories of str.
        play_counts
            (n,) whole numbers.
        rows
            (n,): how many delivered rows stand behind each.
        first, last
            (n,): when the first and the last play was, unix seconds; both `NO_SECOND` where that is not said.
        """
        pairs = self._users.numbers(user_ids) << _SONG_BITS | self._songs.numbers(song_ids)  # one key a pair
        lines = [pairs, play_counts, rows]
        if np.any(np.not_equal(last, NO_SECOND)):
            # NO_SECOND, the least of int64, would win every minimum
            lines += [np.where(np.equal(first, NO_SECOND), _NEVER, first), last]
        broadcast = (np.broadcast_to(line, len(pairs)) for line in lines)
        self._pending.append(np.stack([line.astype(np.int64) for line in broadcast]))
        # settling sorts all pairs: not before as many plays wait
        if sum(part.shape[1] for part in self._pending) > max(_PENDING_ROWS, self._pairs.shape[1]):
            self._settle()

    def added_up(self) -> tuple[NDArray[np.object_], NDArray[np.object_], pd.DataFrame]:
        """The ids of listeners and of songs, sorted, and one line a pair.

        Returns
        -------
        user_ids, song_ids
            (n_users,), (n_items,) str; each has a play.
        pairs
            user, item (places in the two), play_count, rows, and first_played_at and last_played_at
            (Int64, missing where no row said when); sorted by user and item.
        """
        import pandas as pd

        self._settle()
        (user_ids, user_ranks), (song_ids, song_ranks) = self._users.ranked(), self._songs.ranked()
        pairs, counts, rows, *seconds = self._pairs
        first, last = seconds or [np.broadcast_to(np.int64(NO_SECOND), len(pairs))] * 2
        # high bits: the listener, low bits: the song
        users, items = user_ranks[pairs >> _SONG_BITS], song_ranks[pairs & (1 << _SONG_BITS) - 1]
        order = np.argsort(users * len(song_ids) + items, kind="stable")  # by user, then item
        columns = {USER: users, ITEM: items, PLAY_COUNT: counts, ROWS: rows}
        added = pd.DataFrame({name: values[order] for name, values in columns.items()})
        unsaid = last[order] == NO_SECOND
        for name, second in ((FIRST_PLAYED_AT, first), (LAST_PLAYED_AT, last)):
            added[name] = pd.arrays.IntegerArray(second[order], unsaid.copy())
        return user_ids, song_ids, added

    def _settle(self) -> None:
        parts = [self._pairs, *self._pending]
        n_lines = max(len(part) for part in parts)
        # (n_lines, n_pairs + n_pending)
        every = np.concatenate([_with_seconds(part, n_lines) for part in parts], axis=1)
        self._pending, parts = [], []  # let go before the sort makes a copy
        every = every[:, np.argsort(every[0], kind="stable")]
        starts = np.flatnonzero(np.diff(every[0], prepend=-1))  # first of every pair
        settled = [every[0, starts], *np.add.reduceat(every[1:3], starts, axis=1)]
        if n_lines > 3:
            settled += [np.minimum.reduceat(every[3], starts), np.maximum.reduceat(every[4], starts)]
        self._pairs = np.stack(settled)


def _with_seconds(lines: Integers, n_lines: int) -> Integers:
    """`lines` with those of first and last second, none of them known, if `n_lines` asks for these."""
    if len(lines) == n_lines:
        return lines
    n = lines.shape[1]
    return np.stack([*lines, np.full(n, _NEVER), np.full(n, NO_SECOND)])
