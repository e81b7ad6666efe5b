"""What is worth knowing of songs: blocks of numbers that place them, each tried on artists that are held out.

A block is what can be known of a song without a play, in numbers: statistics of its sound, its words, a
vector of another network. Blocks side by side, each on one scale, predict item factors by ridge regression,
which is the same for all of them, needs no seed and takes seconds; its penalty is chosen on artists that are
held out of those learned from (nested folds).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.baselines.linear import one_scale
from earshot.baselines.shared_ridge import PENALTIES, decompose
from earshot.catalogue.play_counts import PlayCounts
from earshot.catalogue.split import artist_or_song, parts
from earshot.columns import ARTIST_ID, SONG_ID
from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.protocol import System
from earshot.evaluation.wmf_trials import warm_songs
from earshot.params import WmfFactors

if TYPE_CHECKING:
    import pandas as pd

INNER_FOLDS = 5
"""Of the songs learned from, to choose the penalty."""


@dataclass(frozen=True)
class HeldOutFold:
    """Songs of some artists that are held out, and the factorization of the others' plays.

    Attributes
    ----------
    cold_start
        The question.
    users
        float32 (n_users, factors).
    learned, targets
        Rows of the songs that are learned from, (n_learned,), and their item factors, (n_learned, factors).
    inner
        (n_learned,): which part of them each belongs to, by its artist.
    candidates
        (n_candidates,): rows of the songs that are ranked.
    """

    cold_start: ColdStart
    users: NDArray[np.float32]
    learned: NDArray[np.int64]
    targets: NDArray[np.float32]
    inner: NDArray[np.int64]
    candidates: NDArray[np.int64]

    def system(self, blocks: Sequence[NDArray[np.float32]]) -> System:
        """What blocks tell; each is (n, d) of all songs, zeros of those of which it knows nothing."""
        return System(self.users, self.predict(np.hstack([self._one_scale(block) for block in blocks])))

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Item factors of the candidates, float32 (n_candidates, factors), from (n, d) of all songs."""
        learned = features[self.learned]
        penalty = self._penalty(learned)
        return decompose(learned).predict_with(penalty, self.targets, features[self.candidates])

    def _penalty(self, learned: NDArray[np.float32]) -> float:
        errors = np.zeros(len(PENALTIES))
        for part in np.unique(self.inner):
            out = self.inner == part
            if out.all():  # one artist, or nearly
                continue
            ridge = decompose(learned[~out])
            errors += [
                ((ridge.predict_with(each, self.targets[~out], learned[out]) - self.targets[out]) ** 2).sum()
                for each in PENALTIES
            ]
        return float(PENALTIES[int(np.argmin(errors))])

    def _one_scale(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Centred over the songs learned from that it knows; of the others it says nothing, zeros."""
        known = np.asarray(block.any(axis=1))
        of_learned = np.zeros(len(block), dtype=np.bool_)
        of_learned[self.learned] = True
        if not (known & of_learned).any():
            return np.zeros_like(block)
        return np.where(known[:, None], one_scale(block, known & of_learned), np.float32(0))


def folds_of(
    plays: PlayCounts, songs: pd.DataFrame, folds: Iterable[NDArray[np.bool_]], numbers: WmfFactors, seed: int
) -> list[HeldOutFold]:
    """The folds in which somebody can be asked.

    Parameters
    ----------
    plays
        Of songs, and of items without audio, which are in every factorization.
    songs
        song_id and artist_id (`""` or null where unknown) of the n songs with plays and audio.
    folds
        (n,) each: which songs are held out.
    numbers
        Of the factorization; its first factors are drawn from `seed`.

    Raises
    ------
    UserError
        Equations of the factorization without a unique solution.
    """
    made = (fold_of(plays, songs, held_out, numbers, seed) for held_out in folds)
    return [fold for fold in made if fold is not None]


def artist_folds(songs: pd.DataFrame, n_folds: int, partition: int = 0) -> list[NDArray[np.bool_]]:
    """(n,) each: the songs of some artists; another `partition`, other artists together."""
    part = parts(_artists(songs), n_folds, f"blocks{partition}")
    return [part == fold for fold in range(n_folds)]


def fold_of(
    plays: PlayCounts, songs: pd.DataFrame, held_out: NDArray[np.bool_], numbers: WmfFactors, seed: int
) -> HeldOutFold | None:
    """One fold, of `held_out` (n,); arguments and errors as of `folds_of`. None where nobody can be asked."""
    warm = warm_songs(plays, songs, held_out)
    if warm is None:
        return None
    users, targets = warm.factorize(numbers, seed)
    learned = np.flatnonzero(~held_out)
    artists = _artists(songs)
    inner = parts((artists[int(row)] for row in learned), INNER_FOLDS, "inner")
    candidates = positions_of(songs[SONG_ID], warm.cold_start.song_ids).astype(np.int64)
    return HeldOutFold(warm.cold_start, users, learned, targets, inner, candidates)


def _artists(songs: pd.DataFrame) -> list[str]:
    return artist_or_song(songs[SONG_ID], songs[ARTIST_ID].fillna(""))


def combinations(blocks: Mapping[str, object], first: str) -> list[tuple[str, ...]]:
    """What is compared: each block alone, `first` with each other one, all, and all but each.

    Example
    -------
    >>> for names in combinations(dict.fromkeys(["sound", "words", "network"]), "sound"):
    ...     print(" + ".join(names))
    sound
    words
    network
    sound + words
    sound + network
    sound + words + network
    words + network
    """
    names = list(blocks)
    found: list[tuple[str, ...]] = [(name,) for name in names]
    found += [(first, name) for name in names if name != first]
    found += [tuple(names), *(tuple(n for n in names if n != left_out) for left_out in names)]
    return list(dict.fromkeys(each for each in found if each))
