"""How fast listeners take over from the sound: n0, chosen where new and started songs stand in one list.

Among songs that all have as many listeners a small n0 does no harm: it shrinks all of them
alike. In one list with new songs it pushes the started ones down, as if everybody who has
not yet played them disliked them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from earshot.evaluation.first_listeners import ColdSongs
from earshot.evaluation.mixed_list import mix
from earshot.params import WarmUp


@dataclass(frozen=True)
class Tried:
    """What one n0 does.

    Attributes
    ----------
    auc
        Mean over lists and numbers of listeners; NaN where nobody could be asked.
    pushes_down
        The numbers of listeners with which a song stands lower, for those who are yet
        to play it, than without any.
    """

    n0: float
    auc: float
    pushes_down: list[int]


def try_all(songs: ColdSongs, settings: WarmUp, seed: int) -> list[Tried]:
    """Every n0 of the settings on the same lists."""
    return [_try(songs, n0, settings, seed) for n0 in sorted(settings.n0)]


def _try(songs: ColdSongs, n0: float, settings: WarmUp, seed: int) -> Tried:
    mixed = [mix(songs, n, n0, settings, seed) for n in settings.listeners]
    found = [lists for lists in mixed if lists is not None]
    auc = sum(lists.auc for lists in found) / len(found) if found else math.nan
    return Tried(n0, auc, [lists.listeners for lists in found if lists.places["relevant"].rise < 0])


def choose(tried: Sequence[Tried]) -> float:
    """The n0 with the best AUC, of those that push no song down if there are any.

    The largest, which trusts the sound, where nobody could be asked.
    """
    asked = [one for one in tried if not math.isnan(one.auc)]
    fair = [one for one in asked if not one.pushes_down]
    if not asked:
        return max(one.n0 for one in tried)
    return max(fair or asked, key=lambda one: one.auc).n0
