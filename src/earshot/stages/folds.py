"""The question of each fold, and what a model that its songs were held out of answers, as it is served."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from earshot.arrays import positions_of
from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.columns import COLD, SONG_ID
from earshot.evaluation.cold_start import ColdStart, read_cold_start, read_vectors
from earshot.evaluation.protocol import System
from earshot.params import Params, Split
from earshot.recommend.encoding import predict_songs
from earshot.recommend.held_out_lists import without
from earshot.recommend.serving import serve
from earshot.spaces.fused import Fused
from earshot.spaces.hybrid import Hybrid
from earshot.spaces.placing import Ids, Placed, Vectors, count_listeners, rows_of
from earshot.spaces.space import TasteSpace
from earshot.spaces.wmf import WmfSpace, solve_listeners
from earshot.stages.paths import Paths
from earshot.stages.training_set import hold_out
from earshot.store.reader import HyperImageStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

Predict = Callable[[Ids], Vectors]
"""What a model predicts for songs, float32 (n_songs, d)."""


@dataclass(frozen=True)
class FoldSnapshot:
    """What all are judged on alike, with the songs of one fold held out."""

    fold: int
    folder: Path
    cold_start: ColdStart
    plays: PlayCounts
    seed: int


def read_snapshots(paths: Paths, params: Params, split: Split, folds: Sequence[int]) -> list[FoldSnapshot]:
    """That of the training set, which was made with `split`, first; then those of the other `folds`.

    Raises
    ------
    UserError
        A fold in which nobody can be asked.
    """
    settings = replace(params.training_set, split=split)
    others = (
        read_snapshot(fold, hold_out(paths, settings, fold).data("training_set"), params) for fold in folds
    )
    return [read_snapshot(split.fold, paths.data("training_set"), params), *others]


def read_snapshot(fold: int, folder: Path, params: Params) -> FoldSnapshot:
    """Out of a folder as the stage training_set writes it; UserError where nobody can be asked."""
    cold_start = read_cold_start(folder, params.evaluation_report.max_listeners)
    return FoldSnapshot(fold, folder, cold_start, read_play_counts(folder), params.seed)


def served_system(snapshot: FoldSnapshot, space: TasteSpace, n0: float, predict: Predict) -> System:
    """Listeners and held-out songs as they are served while nobody has played these songs.

    Songs that have come since the model was trained count among what listeners are placed by, as in serving.
    """
    songs = pd.read_parquet(snapshot.folder / "songs.parquet")
    cold_ids = songs.loc[songs[COLD], SONG_ID].to_numpy(dtype=object)
    of_cold = np.isin(snapshot.plays.song_ids, cold_ids)[snapshot.plays.matrix.indices]  # (n_plays,)
    known = without(snapshot.plays, of_cold)
    asked = snapshot.cold_start.song_ids
    with_audio = songs[SONG_ID].to_numpy(dtype=object)
    n_listeners = rows_of(known.song_ids, count_listeners(known), with_audio)
    ids = np.union1d(asked, with_audio[thin(n_listeners, n0) & (n_listeners > 0)])
    served = serve(known, Placed(ids, predict(ids)), _complete(space, known), n0, None)
    return System(served.user_factors, rows_of(served.song_ids, served.item_factors, asked))


def thin(n_listeners: NDArray[np.integer], n0: float) -> NDArray[np.bool_]:
    """(n_songs,): those with so few listeners that their sound counts; of the others nothing is predicted."""
    return np.asarray(n_listeners < max(n0, 1))


def _complete(space: TasteSpace, known: PlayCounts) -> TasteSpace:
    """With listeners; of a model of another fold, which keeps none, those that its songs give."""
    if isinstance(space, Fused | Hybrid):
        inner = _complete(space.inner, known)
        assert isinstance(inner, WmfSpace)
        return replace(space, inner=inner)
    if isinstance(space, WmfSpace) and space.listeners is None:
        solved = solve_listeners(known, space.songs, space.wmf)
        return replace(space, listeners=Placed(known.user_ids, solved))
    return space


def read_predictions(folder: Path) -> Predict:
    """Out of a folder as the stage predicted_factors writes it."""
    return lambda ids: read_vectors(folder / "item_factors.npy", folder / "items.parquet", SONG_ID, ids)


class Encoded:
    """What the encoder in the folder `encoder` predicts for songs of a training set, each encoded once.

    Blocks of songs outlive a kill in `work`, a folder for this encoder and these questions alone.
    """

    def __init__(self, encoder: Path, training_set: Path, work: Path, trusted: Collection[str]) -> None:
        self._encoder, self._work, self._trusted = encoder, work, trusted
        self._store = HyperImageStore.open(training_set / "hyper_images")
        self._known: list[Placed] = []

    def __call__(self, ids: Ids) -> Vectors:
        """As `Predict`."""
        known = [name for placed in self._known for name in placed.ids.tolist()]
        missing = ids[positions_of(known, ids) < 0]
        if len(missing):
            work = self._work / str(len(self._known))
            work.mkdir(parents=True, exist_ok=True)
            self._known.append(
                Placed(missing, predict_songs(self._encoder, self._store, missing, work, self._trusted))
            )
        together = Placed(
            np.concatenate([placed.ids for placed in self._known]),
            np.concatenate([placed.vectors for placed in self._known]),
        )
        return rows_of(together.ids, together.vectors, ids)
