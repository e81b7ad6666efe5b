"""Adding up plays by listener and song, as they come, in memory that grows with the different pairs alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import FIRST_PLAYED_AT, ITEM, LAST_PLAYED_AT, PLAY_COUNT, ROWS, USER
from earshot.plays.rows import NO_SECOND

if TYPE_CHECKING:
    import pandas as pd

Integers = NDArray[np.int64]

_PENDING_ROWS = 4_000_000
_SONG_BITS = 32
_NEVER = 2**63 - 1


class Numbering:
    """Numbers for ids, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def numbers(self, ids: pd.Series) -> Integers:
        """The number of each id, (n,); str or categories of str."""
        import pandas as pd

        codes, different = pd.factorize(ids)
        known = [self._numbers.setdefault(name, len(self._numbers)) for name in different.tolist()]
        return np.array(known, dtype=np.int64)[codes]

    def ranked(self) -> tuple[NDArray[np.object_], Integers]:
        """All ids sorted, and the place of number 0, 1, 2 ... among them."""
        ids = sorted(self._numbers)
        ranks = np.empty(len(ids), dtype=np.int64)
        ranks[[self._numbers[name] for name in ids]] = np.arange(len(ids))
        return np.array(ids, dtype=object), ranks


class PairCounts:
    """Play counts added up by listener and song."""

    def __init__(self) -> None:
        self._users, self._songs = Numbering(), Numbering()
        self._pairs = np.empty((5, 0), dtype=np.int64)  # pair, play_count, rows, first, last second
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
            (n,): when the first and the last play was, unix seconds; `NO_SECOND` where that is not said.
        """
        pairs = self._users.numbers(user_ids) << _SONG_BITS | self._songs.numbers(song_ids)
        first = np.where(np.equal(first, NO_SECOND), _NEVER, first)
        columns = (np.broadcast_to(column, len(pairs)) for column in (pairs, play_counts, rows, first, last))
        self._pending.append(np.stack([column.astype(np.int64) for column in columns]))
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
        pairs, counts, rows, first, last = self._pairs
        users, items = user_ranks[pairs >> _SONG_BITS], song_ranks[pairs & (1 << _SONG_BITS) - 1]
        order = np.argsort(users * len(song_ids) + items, kind="stable")
        columns = {USER: users, ITEM: items, PLAY_COUNT: counts, ROWS: rows}
        added = pd.DataFrame({name: values[order] for name, values in columns.items()})
        unsaid = last[order] == NO_SECOND
        for name, seconds in ((FIRST_PLAYED_AT, first), (LAST_PLAYED_AT, last)):
            added[name] = pd.arrays.IntegerArray(seconds[order], unsaid.copy())
        return user_ids, song_ids, added

    def _settle(self) -> None:
        every = np.concatenate([self._pairs, *self._pending], axis=1)
        self._pending = []
        every = every[:, np.argsort(every[0], kind="stable")]
        starts = np.flatnonzero(np.diff(every[0], prepend=-1))
        summed = np.add.reduceat(every[1:3], starts, axis=1)
        first, last = np.minimum.reduceat(every[3], starts), np.maximum.reduceat(every[4], starts)
        self._pairs = np.stack([every[0, starts], *summed, first, last])
