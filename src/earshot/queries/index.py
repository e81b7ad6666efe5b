"""An index of very many songs, in place of their products with a listener, where it finds nearly the same.

A graph of near neighbours (HNSW, Malkov and Yashunin 2018), by the library faiss, which the extra `index`
installs. What it finds is scored exactly; what it may miss is bounded by a measurement: at least 95 % of the
20 best of 200 listeners, or it is not used. Voyager's graph was tried on such vectors: it found 4 to 28 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.queries.screening import Asked, Screen
from earshot.recommend.ranking import Ranked, rank_within
from earshot.terminal import say

MORE_THAN = 1_000_000
"""Songs; of fewer, exact products are quick enough (docs/benchmarks.md)."""
RECALL, BEST = 0.95, 20
_NEIGHBOURS, _CONSTRUCTION, _WIDEST = 32, 100, 4096

Vectors = NDArray[np.float32]


def ranker(vectors: Vectors, probes: Vectors | None) -> Screen | Index:
    """What finds the best of `vectors`, float32 (n, d): an index of very many, where faiss is installed.

    Parameters
    ----------
    probes
        (n_probes, d): listeners by whom the index is measured; None: compare all.
    """
    if len(vectors) <= MORE_THAN or probes is None or find_spec("faiss") is None:
        return Screen(vectors)
    say(f"makes an index of {len(vectors):,} songs: some minutes")
    index = Index(vectors)
    recall = index.widen(probes)
    if recall < RECALL:
        say(
            f"the index finds {recall:.3f} of the {BEST} best, wanted {RECALL}: songs are compared one by one"
        )
        return Screen(vectors)
    return index


class Index:
    """Songs that are found along a graph; asked as a `Screen` is, and as exact where a graph cannot help."""

    def __init__(self, vectors: Vectors) -> None:
        import faiss

        self._screen = Screen(vectors)
        self._graph: Any = faiss.IndexHNSWFlat(vectors.shape[1], _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
        self._graph.hnsw.efConstruction = _CONSTRUCTION
        self._graph.add(self._screen.vectors)
        self._width = 64

    def widen(self, probes: Vectors) -> float:
        """Search wider until `RECALL` of the `BEST` best of the probes are found; the share that is."""
        asked = [Asked(probe, np.empty(0, np.int64), BEST) for probe in probes]
        right = [set(ranked.items.tolist()) for ranked in self._screen.best(asked)]
        while True:
            found = [set(self._near(one.vector, BEST).tolist()) for one in asked]
            hits = sum(len(some & best) for some, best in zip(found, right, strict=True))
            recall = hits / sum(map(len, right))
            if recall >= RECALL or self._width >= _WIDEST:
                return recall
            self._width *= 2

    def best(self, asked: Sequence[Asked]) -> list[Ranked]:
        """As of `Screen`, but for songs that the graph does not lead to."""
        return [self._best(one) for one in asked]

    def _best(self, asked: Asked) -> Ranked:
        n_wanted = asked.k + len(asked.left_out)
        if asked.cap is not None:
            n_wanted += asked.k
        if n_wanted > _WIDEST:  # as of one genre alone: the graph leads to the others first
            return self._screen.best([asked])[0]
        among = np.setdiff1d(self._near(asked.vector, n_wanted), asked.left_out)
        scores = self._screen.vectors[among].astype(np.float64) @ asked.vector.astype(np.float64)
        ranked = rank_within(np.zeros_like(among), among, scores.astype(np.float32), len(among))
        if asked.cap is not None:
            ranked = asked.cap.keep(ranked)
        if len(ranked.items) < asked.k:
            return self._screen.best([asked])[0]
        return rank_within(ranked.users, ranked.items, ranked.scores, asked.k)

    def _near(self, vector: NDArray[np.floating[Any]], n: int) -> NDArray[np.int64]:
        self._graph.hnsw.efSearch = max(self._width, n)
        _, rows = self._graph.search(vector.astype(np.float32)[None], n)
        found: NDArray[np.int64] = rows[0][rows[0] >= 0]
        return found
