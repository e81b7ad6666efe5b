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

The last line is JSON: by word, each figure and its difference from no word.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.queries.served import read_served
from earshot.recommend.similar import unit
from earshot.spaces.placing import Placed, columns_of

K, NEAR, HELD_OUT, SEED = 20, 20, 0.2, 0
LIKES = (1, 3, 10, 30)
Floats = NDArray[np.float64]


def main(workspace: str, listeners: int = 500) -> None:
    """Print a line a word, then JSON."""
    served = read_served(Path(workspace))
    plays = read_play_counts(Path(workspace) / "data" / "play_counts")
    ids, vectors = served.song_ids, served.vectors("item_factors.npy")
    everything = columns_of(csr_array(plays.matrix.T).tocsr().T.tocsr(), plays.song_ids, ids).tocsr()
    rng = np.random.default_rng(SEED)
    enough = np.flatnonzero(np.diff(everything.indptr) >= 10)
    rows = rng.choice(enough, min(listeners, len(enough)), replace=False)
    counts = everything[rows].toarray().astype(np.float64)
    out = (rng.random(counts.shape) < HELD_OUT) & (counts > 0)
    known = np.where(out, 0, counts)
    spoken = np.array([rng.choice(np.flatnonzero(row)) for row in known])
    heard = np.asarray(everything.sum(axis=0)).ravel() > 0
    near = np.argsort(-(unit(vectors[spoken]) @ unit(vectors[heard]).T), axis=1)[:, 1 : NEAR + 1]
    near = np.flatnonzero(heard)[near]

    def lists(said: Floats, left_out: NDArray[np.bool_]) -> NDArray[np.int64]:
        placed = served.space.place_listeners(
            PlayCounts(plays.user_ids[rows], ids[heard], csr_array(said[:, heard].astype(np.float32))),
            Placed(ids[heard], vectors[heard]),
        )
        scores = placed.vectors @ vectors.T
        scores[:, ~heard] = -np.inf
        scores[left_out] = -np.inf
        return np.argsort(-scores, axis=1)[:, :K]

    def measured(found: NDArray[np.int64], before: NDArray[np.int64]) -> dict[str, Floats]:
        hits = np.take_along_axis(out, found, axis=1).sum(axis=1)
        return {
            "overlap": _shared(found, before) / K,
            "near": _shared(found, near),
            "recall@20": hits / np.maximum(out.sum(axis=1), 1),
        }

    at = np.arange(len(rows)), spoken
    before = lists(known, known > 0)
    nothing = measured(before, before)
    told = {"no word": {name: float(values.mean()) for name, values in nothing.items()}}
    words = {f"like, {plays} plays": plays for plays in LIKES} | {"dislike": None}
    for word, more in words.items():
        said, left_out = known.copy(), known > 0
        said[at] = 0 if more is None else said[at] + more
        after = measured(lists(said, left_out), before)
        told[word] = {name: float(values.mean()) for name, values in after.items()}
        changes = {name: after[name] - nothing[name] for name in ("near", "recall@20")}
        told[word] |= {f"{name} change": float(change.mean()) for name, change in changes.items()}
        shown = [
            f"{name} {change.mean():+.4f} +- {1.96 * change.std() / np.sqrt(len(rows)):.4f}"
            for name, change in changes.items()
        ]
        print(f"{word:16s} overlap {after['overlap'].mean():.3f}; {'; '.join(shown)}")
    print(json.dumps({"listeners": len(rows)} | told))


def _shared(some: NDArray[np.int64], others: NDArray[np.int64]) -> Floats:
    """(n,): how many of a row are in the same row of the other."""
    return (some[:, :, None] == others[:, None, :]).any(axis=2).sum(axis=1).astype(np.float64)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
