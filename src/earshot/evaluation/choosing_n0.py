"""How fast listeners take over from the sound: n0, chosen where new and started songs stand in one list.

Among songs that all have as many listeners a small n0 does no harm: it shrinks all of them
alike. In one list with new songs it pushes the started ones down, as if everybody who has
not yet played them disliked them; a large one raises them above the new ones, as those who came are counted
once more by the sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from earshot.arrays import positions_of
from earshot.catalogue.play_counts import PlayCounts
from earshot.evaluation.arrivals import Draw
from earshot.evaluation.first_listeners import ColdSongs
from earshot.evaluation.mixed_list import mean_known, mix
from earshot.evaluation.warm_up import starts
from earshot.params import WarmUp
from earshot.spaces.placing import count_listeners
from earshot.spaces.space import TasteSpace


@dataclass(frozen=True)
class Rise:
    """How much higher songs stand in the lists of those yet to play them for having `listeners` listeners."""

    draw: Draw
    listeners: int
    value: float


@dataclass(frozen=True)
class Tried:
    """What one n0 does.

    Attributes
    ----------
    multiple
        n0 over the mean listeners of a song that the factorization has seen.
    auc
        Mean over lists, draws and numbers of listeners; NaN where nobody could be asked.
    rises
        By draw and number of listeners, where somebody could be asked.
    """

    n0: float
    multiple: float
    auc: float
    rises: tuple[Rise, ...]

    @property
    def lowest(self) -> Rise | None:
        """That of the draw and the number of listeners that are worst; None where nobody could be asked."""
        return min(self.rises, key=lambda rise: rise.value, default=None)

    @property
    def loss(self) -> float:
        """How far songs fall where they fall most; 0 where none does."""
        return max(0.0, -self.lowest.value) if self.lowest else 0.0


def mean_listeners(plays: PlayCounts, space: TasteSpace) -> float:
    """Of the songs that `space` was trained with."""
    places = positions_of(plays.song_ids, space.training_songs().ids)
    return float(count_listeners(plays)[places[places >= 0]].mean())


def resolve(multiple: float, mean: float) -> float:
    """The n0 that is so many times `mean` listeners, to three digits."""
    return float(f"{multiple * mean:.3g}")


def try_all(songs: ColdSongs, mean: float, settings: WarmUp, seed: int) -> list[Tried]:
    """Every n0 of the settings on the same lists, smallest first; `mean` listeners have songs."""
    n0s = {multiple: resolve(multiple, mean) for multiple in sorted(settings.n0_multiples)}
    rises: dict[float, list[Rise]] = {multiple: [] for multiple in n0s}
    aucs: dict[float, list[float]] = {multiple: [] for multiple in n0s}
    for draw in songs.draws:
        for n in settings.listeners:
            drawn = starts(songs, draw, n, settings, seed)  # large: one at a time, for every n0
            for multiple, n0 in n0s.items():
                if (mixed := mix(drawn, n, n0, seed)) is not None:
                    rises[multiple].append(Rise(draw, n, mixed.places["relevant"].rise))
                    aucs[multiple].append(mixed.auc)
    return [
        Tried(n0, multiple, mean_known(aucs[multiple]), tuple(rises[multiple]))
        for multiple, n0 in n0s.items()
    ]


def choose(tried: Sequence[Tried]) -> Tried:
    """The smallest n0 that pushes no song down in any draw; where each does, that by which they fall least.

    The largest, which trusts the sound, where nobody could be asked.
    """
    if not any(one.rises for one in tried):
        return max(tried, key=lambda one: one.n0)
    return min(tried, key=lambda one: (one.loss, one.n0))
