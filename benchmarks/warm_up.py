"""Claim: first listeners cannot count less where they mislead without counting less where they tell most.

    python benchmarks/warm_up.py [WORKSPACE] [SHARE]

In a workspace whose training lane has run: songs with 10, 30, 60 and 100 first listeners, whoever comes first
(`earshot.evaluation.arrivals`), placed by the solve that is served, and by the same with the confidence of a
song's listeners lowered to SHARE (.3) of what it is above 1, rising with n / n0 to all of it: exact without
a listener, and the factorization's own from n0 on. Each has the n0 of `n0_multiples` that is chosen for it
on one half of the artists. On the other half: how songs rise in one list with new ones, and AUC and mAP
over the sound and over first listeners alone. Without WORKSPACE, the folder it is run in.

The last line is JSON: by `served` and `lowered` n0, lowest_rise (of all draws and numbers), and of AUC and
mAP the lowest mean over either end (`auc_over_sound`, ...) with where that is, and how many lie below an
end by a whole interval (`below`).
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from scipy.sparse import csr_array

from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.catalogue.split import halves
from earshot.evaluation.choosing_n0 import choose, mean_listeners, try_all
from earshot.evaluation.first_listeners import ColdSongs
from earshot.evaluation.mixed_list import mix
from earshot.evaluation.warm_up import PLAYS, PREDICTION, WarmUpColumn, below_an_end, judge_columns, starts
from earshot.factors.solves import confidence, solve_items_with_prediction
from earshot.params import Params, WarmUp, load_params
from earshot.spaces.placing import Ids, Placed, Vectors, songs_by_listeners
from earshot.spaces.wmf import WmfSpace
from earshot.stages.paths import Paths
from earshot.stages.warm_up import read_songs
from earshot.versioning import PreviousOutput

LISTENERS = [10, 30, 60, 100]


@dataclass(frozen=True)
class Lowered(WmfSpace):
    """Listeners of a song with n of them count by max(share, n / n0), at most in full."""

    share: float = 1.0

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """As in `WmfSpace`, but for the confidence."""
        if predicted is None or plays is None or n0 is None:
            return super().place_songs(ids, predicted, plays, n0)
        listeners = self.training_listeners()
        c = confidence(songs_by_listeners(plays, ids, listeners.ids), self.wmf.alpha, self.wmf.epsilon)
        n = np.diff(c.indptr)  # (n_songs,): listeners, the entries of each row
        shares = np.repeat(np.clip(n / n0, self.share, 1.0), n)  # (n_entries,)
        lowered = csr_array(((1 + (c.data - 1) * shares).astype(np.float32), c.indices, c.indptr), c.shape)
        placed = solve_items_with_prediction(
            lowered, listeners.vectors, self.wmf.regularization, predicted, n0
        )
        return Placed(ids, placed)


def main(workspace: str = ".", share: str = "0.3") -> None:
    """Judge both, print."""
    root = Path(workspace)
    params = load_params(root / "params.yaml")
    params = replace(params, warm_up=replace(params.warm_up, listeners=LISTENERS))
    songs = read_songs(Paths(root, root, root, root, PreviousOutput(root, None)), params)
    if not isinstance(songs.space, WmfSpace):
        sys.exit(f"{workspace}: space={songs.space.kind}: wanted one of the factorization")
    lowered = Lowered(songs.space.listeners, songs.space.songs, songs.space.wmf, float(share))
    mean = mean_listeners(read_play_counts(root / "data" / "training_set"), songs.space)
    found = {
        name: _judge(name, each, mean, params)
        for name, each in {"served": songs, "lowered": replace(songs, space=lowered)}.items()
    }
    print(json.dumps(found))


def _judge(name: str, songs: ColdSongs, mean: float, params: Params) -> dict[str, Any]:
    settings, seed = params.warm_up, params.seed
    choosing = halves(songs.cold_start.artist_ids, "warm_up")
    n0 = choose(try_all(songs.only(choosing), mean, settings, seed)).n0
    shown = songs.only(~choosing)
    columns = {draw: each[1:] for draw, each in judge_columns(shown, n0, settings, seed).items()}
    rises = [_rise(name, shown, draw, n, n0, settings, seed) for draw in shown.draws for n in LISTENERS]
    return {
        "n0": n0,
        "lowest_rise": round(min(rises), 4),
        **{
            f"{metric}_over_{end}": _lowest(columns, system, metric)
            for metric in ("auc", "map")
            for end, system in (("sound", PREDICTION), ("listeners", PLAYS))
        },
        "below": sum(len(below_an_end(each)) for each in columns.values()),
    }


def _rise(name: str, songs: ColdSongs, draw: Any, n: int, n0: float, settings: WarmUp, seed: int) -> float:
    mixed = mix(starts(songs, draw, n, settings, seed), n, n0, seed)
    rise = mixed.places["relevant"].rise if mixed else float("inf")
    print(f"{name:8} {draw:18} {n:4} listeners: rise {rise:+.3f}, AUC {mixed.auc if mixed else 0:.4f}")
    return rise


def _lowest(columns: dict[Any, list[WarmUpColumn]], system: str, metric: Any) -> list[Any]:
    ahead = [
        (round(column.ahead(system, metric).value, 4), f"{draw}, {column.listeners}")
        for draw, each in columns.items()
        for column in each
        if column.results
    ]
    return list(min(ahead))


if __name__ == "__main__":
    main(*sys.argv[1:])
