"""Numbers for ids, in memory that many millions of them fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from earshot.catalogue.plays import Integers

if TYPE_CHECKING:
    import pandas as pd

_RECENT_IDS = 1 << 20
_NO_KEY = 2**63 - 1


class Numbering:
    """Numbers for ids, in the order in which they come.

    The last million stand in a dictionary, which takes 180 bytes for each; those before are known by 128 bits
    of hashes, beside their text as Arrow keeps it, 70 bytes in all for an id of 40 letters.
    """

    def __init__(self) -> None:
        self._recent: dict[str, int] = {}
        self._older = _Hashes()
        self._texts: list[pd.Series] = []  # of the older ones, by number

    def numbers(self, ids: pd.Series) -> Integers:
        """The number of each id, (n,) str."""
        import pandas as pd

        codes, found = pd.factorize(ids)
        different = found.tolist()
        numbers = self._older.numbers(different)
        recent, first = self._recent, len(self._older)
        new = np.flatnonzero(numbers < 0)
        numbers[new] = [recent.setdefault(different[n], first + len(recent)) for n in new.tolist()]
        if len(recent) > _RECENT_IDS:
            self._texts.append(pd.Series(list(recent), dtype=str))
            self._older.add(list(recent))
            recent.clear()
        return numbers[codes]  # each different id was looked up once

    def ids(self) -> pd.Series:
        """All ids by number, (n,) str."""
        import pandas as pd

        return pd.concat([*self._texts, pd.Series(list(self._recent), dtype=str)], ignore_index=True)


class _Hashes:
    """Two hashes of every id, of 64 bits each, and its number; good for as long as this process runs."""

    def __init__(self) -> None:
        # ascending; the last one stands for no id
        self._keys = np.array([_NO_KEY])
        self._checks, self._numbers = np.zeros(1, np.int64), np.full(1, -1, np.int32)

    def __len__(self) -> int:
        return len(self._keys) - 1

    def numbers(self, ids: Sequence[str]) -> Integers:
        """(n,): the number of each of `ids`; -1 of one that was not added."""
        if not len(self):
            return np.full(len(ids), -1)
        keys, checks = _hashed(ids)
        lines = np.searchsorted(self._keys, keys)
        while (other := (self._keys[lines] == keys) & (self._checks[lines] != checks)).any():
            lines[other] += 1  # an id whose first hash is the same stands there
        return np.where(self._keys[lines] == keys, self._numbers[lines], -1).astype(np.int64)

    def add(self, ids: Sequence[str]) -> None:
        """Give `ids`, none of which is there, the next numbers."""
        keys, checks = _hashed(ids)
        numbers = np.arange(len(self), len(self) + len(ids), dtype=np.int32)
        order = np.argsort(keys)
        lines = np.searchsorted(self._keys, keys[order])
        self._keys = np.insert(self._keys, lines, keys[order])
        self._checks = np.insert(self._checks, lines, checks[order])
        self._numbers = np.insert(self._numbers, lines, numbers[order])


def _hashed(ids: Sequence[str]) -> tuple[Integers, Integers]:
    """Of each id Python's hash without its last bit, so that none is `_NO_KEY`, and that of the id and a line
    end, which no id holds."""
    hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
    checks = np.fromiter((hash(f"{each}\n") for each in ids), np.int64, len(ids))
    return hashes >> 1, checks
