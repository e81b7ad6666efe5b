"""Songs of a fold as their first listeners come, and all that any hybrid is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from comparison.fold import Fold
from comparison.networks import predicted_factors
from comparison.systems import CANDIDATE
from earshot.catalogue.play_counts import read_play_counts
from earshot.catalogue.play_dates import read_play_dates
from earshot.catalogue.split import halves
from earshot.columns import COLD, SONG_ID
from earshot.evaluation.first_listeners import ColdSongs, StartedSongs, cold_songs, start
from earshot.spaces.hybrid import Hybrid, Rule, no_combination
from earshot.spaces.placing import Vectors
from earshot.spaces.wmf import WmfSpace
from earshot.training.examples import read_examples
from earshot.training.objectives.hybrid_factors import combination_of
from hybrids.params import Hybrids


@dataclass(frozen=True)
class Warming:
    """A fold whose cold songs have first listeners.

    Attributes
    ----------
    fold, params
        As in the comparison.
    """

    fold: Fold
    params: Hybrids

    @cached_property
    def space(self) -> WmfSpace:
        """Of the factorization."""
        return WmfSpace.read(self.fold.wmf_factors)

    @cached_property
    def heard(self) -> Vectors:
        """What the network predicts for every song of the fold, (n_songs, factors)."""
        return predicted_factors(self.fold, CANDIDATE)

    @cached_property
    def songs(self) -> ColdSongs:
        """The candidates, with all that is known of them."""
        folder = self.fold.training_set
        heard, dates = self.fold.of_candidates(self.heard), read_play_dates(folder)
        return cold_songs(read_play_counts(folder), self.fold.cold_start, heard, self.space, dates)

    @cached_property
    def choosing(self) -> NDArray[np.bool_]:
        """(n_candidates,): those on which settings are chosen; what is shown are the others."""
        return halves(self.songs.cold_start.artist_ids, "hybrids")

    @cached_property
    def warm_plays(self) -> csr_array:
        """float32 (n_all_users, n_warm): plays of songs that are not cold, with a sound or without."""
        counts = read_play_counts(self.fold.training_set)
        cold = self.fold.songs.loc[self.fold.songs[COLD], SONG_ID]
        return csr_array(counts.matrix[:, ~np.isin(counts.song_ids, cold.to_numpy(dtype=object))])

    @cached_property
    def mean_listeners(self) -> float:
        """Of the songs that the factorization has seen."""
        return float(self.warm_plays.nnz / self.warm_plays.shape[1])

    @cached_property
    def combination(self) -> Vectors:
        """C of `earshot.spaces.hybrid`, learned as a release learns it: from songs for early stopping."""
        fold = self.fold
        examples = read_examples(fold.training_set, fold.wmf_factors, fold.store)
        rows = {song_id: row for row, song_id in enumerate(fold.songs[SONG_ID])}
        ids = examples.songs[SONG_ID].to_numpy(dtype=object)
        return combination_of(examples, lambda some: self.heard[[rows[song_id] for song_id in ids[some]]])

    def hybrid(self, rule: Rule) -> Hybrid:
        """The space of a rule."""
        combined = self.combination if rule == "feature_combination" else no_combination(self.heard.shape[1])
        return Hybrid(self.space, rule, combined)

    def starts(self, some: NDArray[np.bool_], n: int) -> list[StartedSongs]:
        """The draws of `n` first listeners of those of some candidates, `(n_candidates,)`, that have more."""
        settings = self.params.first_listeners
        more = some & (self.songs.n_listeners > n)
        if more.sum() < 2:
            return []
        songs, draw = self.songs.only(more), self.songs.draws[0]
        draws = settings.draws if draw == "random" else 1
        return [
            start(songs, draw, n, settings.max_listeners, [self.fold.seed, n, number])
            for number in range(draws)
        ]

    def all_plays(self, started: StartedSongs) -> csr_array:
        """float32 (n_all_users, n_warm + n_candidates): those of warm songs, and of first listeners."""
        return csr_array(hstack([self.warm_plays, started.first.T], format="csr"))
