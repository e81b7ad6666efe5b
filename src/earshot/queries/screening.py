"""The best of many vectors for a few others, as exactly as `earshot.recommend.ranking` and much sooner.

All products are made in float32; the few that may be among the best, by the bound on the rounding of a sum of
products (Higham 2002, section 3.1), are made again in float64. So the answer is that of float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.recommend.ranking import ArtistCap, Ranked, rank_within

_BLOCK = 64
"""Scores of which the largest is looked up at once."""

Rows = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """One list that is wanted.

    Attributes
    ----------
    vector
        (d,).
    left_out
        Rows that are not to be in it, `(n,)`, each once.
    k
        Its length; it is shorter where fewer are left.
    cap
        Songs of an artist in it.
    """

    vector: NDArray[np.floating[Any]]
    left_out: Rows
    k: int
    cap: ArtistCap | None = None


class Screen:
    """Vectors that are to be compared with others.

    Parameters
    ----------
    vectors
        float32 (n, d).
    exact
        Some rows of them, by their numbers, in float64 (n_rows, d), where `vectors` are rounded.
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        exact: Callable[[Rows], NDArray[np.float64]] | None = None,
    ) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        # (d, n), the products of a few with which take two thirds of the time
        self._columns = np.ascontiguousarray(self.vectors.T)
        self._exact = exact or (lambda rows: self.vectors[rows].astype(np.float64))
        self._longest = float(np.linalg.norm(self.vectors, axis=1).max(initial=0.0))

    def best(self, asked: Sequence[Asked]) -> list[Ranked]:
        """What `rank_songs` gives for each of them; `Ranked.users` are 0.

        Example
        -------
        >>> screen = Screen(np.array([[1.0], [3.0], [2.0], [3.0]], dtype=np.float32))
        >>> (ranked,) = screen.best([Asked(np.array([0.5]), np.array([1]), k=2)])
        >>> ranked.items, ranked.scores
        (array([3, 2]), array([1.5, 1. ], dtype=float32))
        """
        vectors = np.array([one.vector for one in asked], dtype=np.float32)  # (n_asked, d)
        scores = vectors @ self._columns  # (n_asked, n)
        return [self._best(one, row) for one, row in zip(asked, scores, strict=True)]

    def _best(self, asked: Asked, scores: Scores) -> Ranked:
        """`scores` are (n,), in float32."""
        scores[asked.left_out] = -np.inf
        n_left, length = len(scores) - len(asked.left_out), asked.k
        while True:
            among = self._candidates(asked, scores, length)
            exact = self._exact(among) @ asked.vector.astype(np.float64)
            longer = rank_within(np.zeros_like(among), among, exact.astype(np.float32), length)
            kept = longer if asked.cap is None else asked.cap.keep(longer)
            if len(kept.items) >= asked.k or len(longer.items) >= n_left:
                return rank_within(kept.users, kept.items, kept.scores, asked.k)
            length *= 2

    def _candidates(self, asked: Asked, scores: Scores, length: int) -> Rows:
        """Rows, in ascending order, among which the `length` best are."""
        if len(scores) <= length:
            return np.flatnonzero(scores > -np.inf)
        # Every block holds a score as large as its largest, so the length-th largest of these is at most the
        # length-th largest score.
        whole = len(scores) // _BLOCK * _BLOCK
        largest = scores[:whole].reshape(-1, _BLOCK).max(axis=1)
        if len(largest) < length:
            largest = scores
        bound = np.partition(largest, len(largest) - length)[len(largest) - length]
        # A product in float32 is off by at most d u / (1 - d u) |x| |y|, whatever order it is summed in; so
        # may be both, that of a candidate and that of the bound. Twice that, for vectors rounded to float32.
        d = self.vectors.shape[1]
        off = d * 2.0**-24 / (1 - d * 2.0**-24) * self._longest * float(np.linalg.norm(asked.vector))
        return np.flatnonzero(scores >= max(bound - 4 * off, np.finfo(np.float32).min))
