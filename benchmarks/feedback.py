"""Claim: a like draws a listener's list towards the song, a dislike away from it, and neither costs accuracy.

    python benchmarks/feedback.py WORKSPACE [LISTENERS]      # 500

WORKSPACE serves a release. Of the plays of so many listeners a fifth is held out; each is placed by the
others against the songs that are served, as `served_factors` does, and says one thing about one song that he
or she has played, drawn at random. Lists are of songs without a play of those that are left; means over
listeners with 95 % intervals (normal), paired:

    overlap     of the first 20 songs with those before the word
    near        of the 20 songs nearest to the one spoken of (cosine), how many are among the first 20
    recall@20   of the held-out plays

A like counts as 1, 3, 10 or 30 plays (`play_counts.like_plays`); a dislike, or an exclude, takes the play
away and the song out of the list. What others get changes by neither before the next training, as songs keep
their places (tests/releases/test_left_out_songs.py).

The last line is JSON: each figure without a word, and by word the differences from that.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.columns import N_LISTENERS
from earshot.queries.served import read_served
from earshot.queries.state import ServedState
from earshot.recommend.similar import unit
from earshot.spaces.placing import Placed, columns_of

K, NEAR, HELD_OUT, SEED = 20, 20, 0.2, 0
LIKES = (1, 3, 10, 30)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """Some listeners of a workspace.

    Attributes
    ----------
    users
        (n,), their ids.
    known, held_out
        (n, n_songs): play counts that they are placed by, and which plays are held out.
    """

    served: ServedState
    users: NDArray[np.object_]
    known: Floats
    held_out: NDArray[np.bool_]

    def lists(self, counts: Floats) -> NDArray[np.int64]:
        """(n, K): songs that are not known, best first, for the listeners placed by `counts`."""
        ids, vectors = self.served.song_ids, self.served.vectors("item_factors.npy")
        played = self.served.columns[N_LISTENERS] > 0  # by anybody: what listeners are held against
        plays = PlayCounts(self.users, ids[played], csr_array(counts[:, played].astype(np.float32)))
        placed = self.served.space.place_listeners(plays, Placed(ids[played], vectors[played]))
        scores = np.where((self.known > 0) | ~played, -np.inf, placed.vectors @ vectors.T)
        return np.argsort(-scores, axis=1)[:, :K]

    def nearest(self, songs: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n, NEAR): of each song those that somebody has played, nearest first, itself left out."""
        vectors = unit(self.served.vectors("item_factors.npy"))
        cosines = vectors[songs] @ vectors.T
        cosines[:, self.served.columns[N_LISTENERS] == 0] = -np.inf
        cosines[np.arange(len(songs)), songs] = -np.inf
        return np.argsort(-cosines, axis=1)[:, :NEAR]


def ask(workspace: Path, listeners: int, rng: np.random.Generator) -> Asked:
    """Of a workspace so many listeners with ten plays or more."""
    served, plays = read_served(workspace), read_play_counts(workspace / "data" / "play_counts")
    counts = columns_of(plays.matrix, plays.song_ids, served.song_ids).tocsr()
    enough = np.flatnonzero(np.diff(counts.indptr) >= 10)
    rows = rng.choice(enough, min(listeners, len(enough)), replace=False)
    dense = counts[rows].toarray().astype(np.float64)
    out = (rng.random(dense.shape) < HELD_OUT) & (dense > 0)
    return Asked(served, plays.user_ids[rows], np.where(out, 0, dense), out)


def main(workspace: str, listeners: int = 500) -> None:
    """Print a line a word, then JSON."""
    rng = np.random.default_rng(SEED)
    asked = ask(Path(workspace), listeners, rng)
    spoken = np.array([rng.choice(np.flatnonzero(row)) for row in asked.known])
    near, before = asked.nearest(spoken), asked.lists(asked.known)

    def measured(counts: Floats) -> dict[str, Floats]:
        found = asked.lists(counts)
        hits = np.take_along_axis(asked.held_out, found, axis=1).sum(axis=1)
        recall = hits / np.maximum(asked.held_out.sum(axis=1), 1)
        return {"overlap": _shared(found, before) / K, "near": _shared(found, near), "recall@20": recall}

    nothing = measured(asked.known)
    told = {"no word": {name: float(values.mean()) for name, values in nothing.items()}}
    for word, more in ({f"like, {plays} plays": plays for plays in LIKES} | {"dislike": None}).items():
        counts, at = asked.known.copy(), (np.arange(len(spoken)), spoken)
        counts[at] = 0 if more is None else counts[at] + more
        changes = {name: values - nothing[name] for name, values in measured(counts).items()}
        told[word] = {name: float(change.mean()) for name, change in changes.items()}
        error = {name: 1.96 * change.std() / np.sqrt(len(change)) for name, change in changes.items()}
        print(f"{word:16s}", *(f"{name} {told[word][name]:+.4f} +- {error[name]:.4f}" for name in changes))
    print(json.dumps({"listeners": len(spoken)} | told))


def _shared(some: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
    """(n,): how many of a row are in the same row of the other."""
    return (some[:, :, None] == others[:, None, :]).any(axis=2).sum(axis=1).astype(np.float64)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
