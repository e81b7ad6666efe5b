"""How well songs that nobody has played are ranked by their sound, with other numbers of the factorization.

Whole warm songs are held out, as the cold ones are: numbers that fit the entries of the matrix best (as in
Hu et al. 2008) are others than those whose factors can be heard. The network is too slow to be trained for
each trial. In its place stands ridge regression from statistics of the rows of the hyper-image.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.arrays import positions_of
from earshot.baselines.linear import one_scale, unit_deviation
from earshot.baselines.shared_ridge import SharedRidge, decompose
from earshot.catalogue.play_counts import PlayCounts
from earshot.columns import COLD, SONG_ID
from earshot.errors import UserError
from earshot.evaluation.cold_start import ColdStart, cold_start_of
from earshot.evaluation.protocol import System, measure
from earshot.factors.solves import confidence, solve_rows
from earshot.factors.wmf import fit_roughly
from earshot.params import WmfFactors

if TYPE_CHECKING:
    import pandas as pd

K = 500
"""Songs of a list, as far as mAP looks."""
LEAST_SONGS, LEAST_CANDIDATES = 20, 10
"""To learn from, and to be ranked; with fewer a trial tells nothing."""


class Factorized(NamedTuple):
    """Listeners, float32 (n_users, factors), zeros of those who are not asked; and songs learned from."""

    users: NDArray[np.float32]
    targets: NDArray[np.float32]


class SongRanking(NamedTuple):
    """mAP@500 and AUC, each a mean over all listeners who could be asked."""

    map: float
    auc: float


@dataclass(frozen=True)
class WarmSongs:
    """Songs that are held out, and the plays of the others.

    Attributes
    ----------
    cold_start
        The question; its users are rows of `plays`.
    plays
        float32 (n_users, n_items), play counts of the items that are not held out.
    learned
        (n_learned,): columns of `plays` of the songs that are learned from.
    """

    cold_start: ColdStart
    plays: csr_array
    learned: NDArray[np.int64]

    def factorize(self, numbers: WmfFactors, seed: int) -> Factorized:
        """A factorization of the plays with these numbers.

        Raises
        ------
        UserError
            Equations without a unique solution.
        """
        confidences = confidence(self.plays, numbers.alpha, numbers.epsilon)
        fitted = fit_roughly(
            confidences,
            factors=numbers.factors,
            regularization=numbers.regularization,
            iterations=numbers.iterations,
            seed=seed,
        )
        users = np.zeros((self.plays.shape[0], numbers.factors), np.float32)
        asked = self.cold_start.users
        users[asked] = solve_rows(csr_array(confidences[asked]), fitted.item_factors, numbers.regularization)
        return Factorized(users, fitted.item_factors[self.learned])


def warm_songs(plays: PlayCounts, songs: pd.DataFrame, held_out: NDArray[np.bool_]) -> WarmSongs | None:
    """What is left where some songs are held out; None where too few are there to learn from or to rank.

    Parameters
    ----------
    plays
        Of songs, and of items without audio.
    songs
        song_id and artist_id of the n songs with plays and audio.
    held_out
        (n,)
    """
    if min(held_out.sum() - LEAST_CANDIDATES, (~held_out).sum() - LEAST_SONGS) < 0:
        return None
    try:
        cold_start = cold_start_of(plays, songs.assign(**{COLD: held_out}), "songs held out")
    except UserError:  # nobody who listened to one of them and to another song
        return None
    kept = ~np.isin(plays.song_ids, songs.loc[held_out, SONG_ID].to_numpy(dtype=object))
    learned = positions_of(plays.song_ids[kept], songs.loc[~held_out, SONG_ID]).astype(np.int64)
    return WarmSongs(cold_start, csr_array(plays.matrix[:, kept]), learned)


@dataclass(frozen=True)
class Trial:
    """Songs that are held out, and what their places are predicted from.

    Attributes
    ----------
    warm
        The question, and the plays of the others.
    ridge
        Of the features of the songs that are learned from.
    features
        float32 (n_candidates, d), of the songs held out.
    """

    warm: WarmSongs
    ridge: SharedRidge
    features: NDArray[np.float32]

    @property
    def cold_start(self) -> ColdStart:
        """The question."""
        return self.warm.cold_start

    def system(self, numbers: WmfFactors, seed: int) -> System:
        """Listeners and predicted songs of a factorization with these numbers; errors as of `factorize`."""
        users, targets = self.warm.factorize(numbers, seed)
        return System(users, self.ridge.predict(targets, self.features))


def hold_out(
    plays: PlayCounts, songs: pd.DataFrame, statistics: NDArray[np.float32], held_out: NDArray[np.bool_]
) -> Trial | None:
    """The trial in which some songs are held out, of which `statistics`, float32 (n, d), are known.

    Other arguments, and None, as of `warm_songs`.
    """
    warm = warm_songs(plays, songs, held_out)
    if warm is None:
        return None
    features = one_scale(unit_deviation(statistics, ~held_out), ~held_out)
    rows = positions_of(songs[SONG_ID], warm.cold_start.song_ids)
    return Trial(warm, decompose(features[~held_out]), features[rows])


def score(trials: Iterable[Trial], numbers: WmfFactors, seed: int) -> SongRanking:
    """Over the listeners of all trials alike; those without a song that they did not play have no AUC."""
    results = [measure(trial.system(numbers, seed), trial.cold_start, K) for trial in trials]
    maps, aucs = (
        np.concatenate([result.per_user[metric] for result in results]) for metric in ("map", "auc")
    )
    return SongRanking(float(maps.mean()), float(np.nanmean(aucs)))
