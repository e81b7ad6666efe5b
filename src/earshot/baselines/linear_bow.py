"""linear_bow: ridge regression from bags of words to item factors."""

from __future__ import annotations

from earshot.baselines.known import Array, Known
from earshot.baselines.ridge import ridge


def linear_bow(known: Known) -> Array:
    """Item factors predicted from a bag of words by ridge regression (van den Oord et al. 2013, section 4.1).

    All warm songs with audio and plays are learned from.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.
    """
    return ridge(known.bags, known.targets, known.learn)
