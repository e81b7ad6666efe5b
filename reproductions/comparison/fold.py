"""One fold with one seed: a little workspace, in which stages run as they do in the large one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from comparison.params import Comparison, Folds
from earshot.arrays import positions_of
from earshot.baselines.known import Known, read_known
from earshot.catalogue.play_counts import read_play_counts, write_play_counts
from earshot.columns import ITEM, PLAY_COUNT, SONG_ID, USER, USER_ID
from earshot.evaluation.cold_start import ColdStart, read_cold_start, read_vectors
from earshot.params import TrainingSet
from earshot.stages.paths import Paths
from earshot.stages.training_set import write_snapshot
from earshot.stages.wmf_factors import write_factors
from earshot.store.reader import HyperImageStore

if TYPE_CHECKING:
    import pandas as pd

_READ = ("raw_audio", "hyper_images", "deliveries")


@dataclass(frozen=True)
class Fold:
    """What systems are made from, and what they are asked.

    Attributes
    ----------
    paths
        Of the little workspace.
    seed
        Of everything that is drawn at random.
    params
        Of the comparison.
    """

    paths: Paths
    seed: int
    params: Comparison

    @cached_property
    def cold_start(self) -> ColdStart:
        """Users and held-out songs of the fold; UserError as in `read_cold_start`."""
        return read_cold_start(self.training_set)

    @property
    def training_set(self) -> Path:
        """Folder of the fold's training set."""
        return self.paths.data("training_set")

    @property
    def wmf_factors(self) -> Path:
        """Folder of the fold's factors."""
        return self.paths.data("wmf_factors")

    @cached_property
    def songs(self) -> pd.DataFrame:
        """songs.parquet of the training set."""
        import pandas as pd

        return pd.read_parquet(self.training_set / "songs.parquet")

    @cached_property
    def known(self) -> Known:
        """What systems may know: the sound of every song, and the plays of the warm ones."""
        return read_known(self.training_set, self.wmf_factors, self.seed, self.params.words)

    @cached_property
    def store(self) -> HyperImageStore:
        """The hyper-images of the training set."""
        return HyperImageStore.open(self.training_set / "hyper_images")

    @cached_property
    def user_factors(self) -> NDArray[np.float32]:
        """`(n_all_users, factors)`, rows as in the training set."""
        import pandas as pd

        user_ids = pd.read_parquet(self.training_set / "users.parquet")[USER_ID]
        folder = self.wmf_factors
        return read_vectors(folder / "user_factors.npy", folder / "users.parquet", USER_ID, user_ids)

    def of_candidates(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """Rows of the candidates, `(n_candidates, ...)`, out of `(n_songs, ...)`, rows as in `songs`."""
        rows = positions_of(self.songs[SONG_ID], self.cold_start.song_ids)
        candidates: NDArray[Any] = vectors[rows]
        return candidates

    def cold_factors(self, song_ids: ArrayLike) -> NDArray[np.float32]:
        """Factors of cold songs, folded in from their plays, float32 `(n, factors)`.

        Raises
        ------
        UserError
            A song that is not cold or has no plays.
        """
        folder = self.wmf_factors
        return read_vectors(folder / "cold_factors.npy", folder / "cold_items.parquet", SONG_ID, song_ids)


def make_fold(paths: Paths, params: Comparison, fold: int, seed: int) -> Fold:
    """The fold in `paths.work`; what an interrupted run has finished of it stays."""
    root = paths.work / f"fold{fold}-seed{seed}"
    inside = paths.inside(root)
    for name in _READ:
        if not (root / "data" / name).exists():
            (root / "data" / name).symlink_to(paths.data(name).resolve())
    settings = TrainingSet(split=params.folds.split(fold), validation_share=params.folds.validation_share)
    plays = paths.data("play_counts")
    inside.make("play_counts", lambda made: _write_plays(plays, made.output, params.folds))
    inside.make("training_set", lambda made: write_snapshot(made, settings))
    inside.make("wmf_factors", lambda made: write_factors(made, params.wmf_factors, seed))
    return Fold(inside, seed, params)


def _write_plays(source: Path, output: Path, folds: Folds) -> None:
    """The plays of the most played songs by the most active users."""
    import pandas as pd

    counts = read_play_counts(source)
    # entries of a column: listeners of the song
    songs = _most(np.bincount(counts.matrix.indices, minlength=len(counts.song_ids)), folds.most_played_songs)
    of_songs = counts.matrix[:, songs]
    users = _most(np.diff(of_songs.indptr), folds.most_active_users)  # entries of a row: songs of the user
    rows = csr_array(of_songs[users])
    # the row of each entry, beside its column in `indices`
    user = np.repeat(np.arange(len(users)), np.diff(rows.indptr))
    plays = pd.DataFrame({USER: user, ITEM: rows.indices, PLAY_COUNT: rows.data}).sort_values([USER, ITEM])
    write_play_counts(output, counts.user_ids[users], counts.song_ids[songs], plays)
    shutil.copy(source / "validation.json", output / "validation.json")


def _most(counts: NDArray[np.integer[Any]], n: int | None) -> NDArray[np.intp]:
    """The rows of the `n` largest counts (all if None) that are not 0, ascending; of equals the first."""
    largest = np.argsort(-counts, kind="stable")[:n]
    return np.sort(largest[counts[largest] > 0])
