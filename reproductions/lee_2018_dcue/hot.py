"""Known songs: some plays of each listener are held out, and everything is learned from the others."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from comparison.fold import Fold
from comparison.params import Comparison
from earshot.baselines.popularity import popularity
from earshot.catalogue.held_out import held_out_plays
from earshot.catalogue.play_counts import PlayCounts, read_play_counts, write_play_counts
from earshot.catalogue.split import artist_or_song
from earshot.columns import ARTIST_ID, COLD, ITEM, PLAY_COUNT, SONG_ID, USER
from earshot.errors import UserError
from earshot.evaluation.cold_start import ColdStart, read_vectors
from earshot.evaluation.protocol import System
from earshot.params import TrainingSet
from earshot.spaces.placing import columns_of, count_listeners
from earshot.stages.training_set import write_snapshot
from earshot.stages.wmf_factors import write_factors


@dataclass(frozen=True)
class HotFold(Fold):
    """A fold whose question is the plays of its warm songs that were held out.

    Attributes
    ----------
    whole
        Folder of all plays.
    """

    whole: Path

    @cached_property
    def cold_start(self) -> ColdStart:
        """Candidates are the warm songs with sound and a play left; known plays are no negatives.

        Raises
        ------
        UserError
            No play of such a song was held out.
        """
        songs = self.songs[~self.songs[COLD].to_numpy(dtype=bool)]
        plays, everything = read_play_counts(self.training_set), read_play_counts(self.whole)
        songs = songs[songs[SONG_ID].isin(plays.song_ids[count_listeners(plays) > 0])]
        artist = np.array(artist_or_song(songs[SONG_ID], songs[ARTIST_ID].fillna("")), dtype=object)
        order = np.lexsort((songs[SONG_ID].to_numpy(dtype=str), artist.astype(str)))
        song_ids = songs[SONG_ID].to_numpy(dtype=object)[order]
        known, all_plays = (_played(each, song_ids) for each in (plays, everything))
        held_out = csr_array(all_plays - known)  # (n_all_users, n_candidates), what was taken away is left
        held_out.eliminate_zeros()
        users = np.flatnonzero((np.diff(held_out.indptr) > 0) & (np.diff(known.indptr) > 0))
        if not len(users):
            raise UserError(f"{self.whole}: no listener has a play of a known song held out, and another one")
        n_known = np.ones(len(song_ids), dtype=bool)
        return ColdStart(
            song_ids, artist[order], n_known, users, _bools(held_out[users]), _bools(known[users])
        )


def make_hot_fold(fold: Fold, params: Comparison, share: float, number: int) -> HotFold:
    """The fold with `share` of every listener's plays held out, in its own folder; a killed run's is kept."""
    root = fold.paths.root / "hot"
    inside = fold.paths.inside(root)
    for name in ("raw_audio", "hyper_images", "deliveries"):
        if not (root / "data" / name).exists():
            (root / "data" / name).symlink_to(fold.paths.data(name).resolve())
    plays = fold.paths.data("play_counts")
    settings = TrainingSet(split=params.folds.split(number), validation_share=params.folds.validation_share)
    inside.make("play_counts", lambda made: _write_others(plays, made.output, share))
    inside.make("training_set", lambda made: write_snapshot(made, settings))
    inside.make("wmf_factors", lambda made: write_factors(made, params.wmf_factors, fold.seed))
    return HotFold(inside, fold.seed, fold.params, plays)


def _write_others(source: Path, output: Path, share: float) -> None:
    counts = read_play_counts(source)
    entries = counts.matrix.tocoo()
    left = ~held_out_plays(counts, share)
    columns = {USER: entries.coords[0], ITEM: entries.coords[1], PLAY_COUNT: entries.data}
    plays = pd.DataFrame({name: values[left] for name, values in columns.items()})
    write_play_counts(output, counts.user_ids, counts.song_ids, plays)
    shutil.copy(source / "validation.json", output / "validation.json")


def _played(plays: PlayCounts, song_ids: np.ndarray) -> csr_array:
    """1 where a listener has played a song, float32 (n_all_users, n_songs)."""
    played = columns_of(plays.matrix, plays.song_ids, song_ids)
    played.data[:] = 1
    return played


def _bools(matrix: csr_array) -> csr_array:
    found = csr_array(matrix).astype(bool)
    found.sort_indices()
    return found


def known_popularity(fold: Fold) -> System:
    """How many listeners each song has among the plays that are left: one list for everybody."""
    plays = read_play_counts(fold.training_set)
    listeners = dict(zip(plays.song_ids.tolist(), count_listeners(plays).tolist(), strict=True))
    counts = np.array([listeners[song_id] for song_id in fold.cold_start.song_ids])
    return System(*popularity(len(fold.user_factors), counts))


def factorization(fold: Fold) -> System:
    """Users and songs where the factorization of the plays that are left has them."""
    folder, songs = fold.wmf_factors, fold.cold_start.song_ids
    return System(
        fold.user_factors,
        read_vectors(folder / "item_factors.npy", folder / "items.parquet", SONG_ID, songs),
    )
