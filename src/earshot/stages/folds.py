"""The question of each fold, and what a model that its songs were held out of answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.columns import SONG_ID
from earshot.evaluation.cold_start import ColdStart, read_cold_start, read_vectors
from earshot.evaluation.protocol import System
from earshot.params import TrainingSet
from earshot.recommend.encoding import cold_song_factors, warm_listeners
from earshot.spaces.space import TasteSpace
from earshot.stages.paths import Paths
from earshot.stages.training_set import hold_out
from earshot.store.reader import HyperImageStore


@dataclass(frozen=True)
class Snapshot:
    """What all are judged on alike, with the songs of one fold held out."""

    fold: int
    folder: Path
    cold_start: ColdStart
    plays: PlayCounts
    seed: int


def read_snapshots(paths: Paths, settings: TrainingSet, folds: Sequence[int], seed: int) -> list[Snapshot]:
    """That of the training set, which was made with `settings`, first; then those of the other `folds`.

    Raises
    ------
    UserError
        A fold in which nobody can be asked.
    """
    others = (_read(fold, hold_out(paths, settings, fold).data("training_set"), seed) for fold in folds)
    return [_read(settings.split.fold, paths.data("training_set"), seed), *others]


def _read(fold: int, folder: Path, seed: int) -> Snapshot:
    return Snapshot(fold, folder, read_cold_start(folder), read_play_counts(folder), seed)


def read_system(snapshot: Snapshot, predicted: Path, space: TasteSpace) -> System:
    """Today's listeners by the songs that a model was trained with; of those held out what it predicted."""
    users = warm_listeners(space, snapshot.folder, snapshot.plays)
    songs = snapshot.cold_start.song_ids
    items = read_vectors(predicted / "item_factors.npy", predicted / "items.parquet", SONG_ID, songs)
    return System(users, items)


def hear_system(
    snapshot: Snapshot, encoder: Path, space: TasteSpace, work: Path, trusted: Collection[str]
) -> System:
    """The same with what the encoder in the folder `encoder` hears in them; it outlives a kill in `work`."""
    users = warm_listeners(space, snapshot.folder, snapshot.plays)
    store = HyperImageStore.open(snapshot.folder / "hyper_images")
    fold_work = work / str(snapshot.fold)
    fold_work.mkdir(parents=True, exist_ok=True)
    return System(users, cold_song_factors(encoder, store, snapshot.cold_start.song_ids, fold_work, trusted))
