"""Claim: forgetting a listener changes what others are served by less than another seed of the training does.

    python benchmarks/forgetting.py [WORKSPACE] [LISTENERS]

In a workspace whose training lane has run: the scores of all listeners for all songs as they are served, by
the factorization of its numbers from seeds 0, 1 and 2, what the encoder predicts turned along with it
(orthogonal Procrustes); so the encoder's own seeds, which set them further apart, are left out. And the
scores of the others by seed 0 without LISTENERS (10) listeners, one at a time: the one of most songs, the
others drawn at random; their row goes out of the release and their plays out of the counts, and all songs
and listeners are placed anew, as `earshot forget` leaves it. Without WORKSPACE, the folder it is run in.

The last line is JSON: `scores` (their standard deviation), and of root mean square differences `seeds`, of
every two, and `forgotten`, one for each listener.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.factors.numbers import read_numbers
from earshot.factors.solves import confidence
from earshot.factors.wmf import fit
from earshot.recommend.serving import serve
from earshot.spaces.placing import Placed
from earshot.spaces.wmf import WmfSpace

SEEDS = (0, 1, 2)


class Release:
    """The factorization of a workspace's snapshot from a seed, and what is predicted, in its own axes."""

    def __init__(self, data: Path, seed: int) -> None:
        songs = pd.read_parquet(data / "training_set" / "songs.parquet")
        self.plays = read_play_counts(data / "training_set")
        warm = ~np.isin(self.plays.song_ids, songs.loc[songs["cold"], "song_id"].to_numpy(dtype=object))
        numbers = read_numbers(data / "wmf_factors")
        fitted = fit(
            confidence(self.plays.matrix[:, warm], numbers.alpha, numbers.epsilon),
            factors=numbers.factors,
            regularization=numbers.regularization,
            iterations=numbers.iterations,
            seed=seed,
        )
        self.users = fitted.user_factors
        self.space = replace(
            WmfSpace.read(data / "wmf_factors"),
            listeners=Placed(self.plays.user_ids, fitted.user_factors),
            songs=Placed(self.plays.song_ids[warm], fitted.item_factors),
        )
        u, _, vt = np.linalg.svd(np.load(data / "wmf_factors" / "item_factors.npy").T @ fitted.item_factors)
        predicted = np.load(data / "predicted_factors" / "item_factors.npy") @ (u @ vt)
        ids = pd.read_parquet(data / "predicted_factors" / "items.parquet")["song_id"]
        self.predicted = Placed(ids.to_numpy(dtype=object), predicted.astype(np.float32))

    def scores(self, plays: PlayCounts, n0: float, without: str | None = None) -> NDArray[np.float32]:
        """(n_users, n_songs) of `plays`, the release without the row of a listener."""
        keep = self.plays.user_ids != without
        space = replace(self.space, listeners=Placed(self.plays.user_ids[keep], self.users[keep]))
        served = serve(plays, self.predicted, space, n0, None)
        return served.user_factors @ served.item_factors.T


def apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Root of the mean square of the differences."""
    return float(np.sqrt(np.mean((one - other) ** 2)))


def main(root: Path, n_listeners: int) -> None:
    """Measure in the workspace `root`, and print."""
    data = root / "data"
    plays = read_play_counts(data / "play_counts")
    n0 = json.loads((data / "warm_up" / "warm_up.json").read_text())["n0"]
    made = [Release(data, seed) for seed in SEEDS]
    scores = [release.scores(plays, n0) for release in made]
    seeds = [apart(scores[one], scores[other]) for one, other in ((0, 1), (0, 2), (1, 2))]
    songs = np.diff(plays.matrix.indptr)
    some = np.random.default_rng(0).choice(len(songs), n_listeners - 1, replace=False)
    forgotten = []
    for row in (int(np.argmax(songs)), *map(int, some)):
        keep = np.arange(len(songs)) != row
        left = replace(plays, user_ids=plays.user_ids[keep], matrix=plays.matrix[keep])
        forgotten.append(apart(made[0].scores(left, n0, str(plays.user_ids[row])), scores[0][keep]))
        print(f"a listener of {songs[row]} songs: {forgotten[-1]:.5f}")
    print(json.dumps({"scores": float(scores[0].std()), "seeds": seeds, "forgotten": forgotten}))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
