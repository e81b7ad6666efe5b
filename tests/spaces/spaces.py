"""One of each kind of taste space, of random places."""

from __future__ import annotations

import numpy as np

from earshot.spaces.fused import Fused
from earshot.spaces.hybrid import FEATURE_COMBINATION, RULES, Hybrid, no_combination
from earshot.spaces.learned import LearnedListeners
from earshot.spaces.placing import Placed
from earshot.spaces.space import TasteSpace
from earshot.spaces.wmf import Wmf, WmfSpace

WMF = Wmf(alpha=2.0, epsilon=1.0, regularization=3.0)
KINDS = ("wmf", "learned_listeners", "fused", *RULES)
FACTORS = 3


def ids(*names: str) -> np.ndarray:
    return np.array(names, dtype=object)


def placed(names: np.ndarray, rng: np.random.Generator, d: int = FACTORS) -> Placed:
    return Placed(names, rng.standard_normal((len(names), d)).astype(np.float32))


def space_of(kind: str, listeners: np.ndarray, songs: np.ndarray, rng: np.random.Generator) -> TasteSpace:
    """A space trained with these listeners and songs."""
    inner = WmfSpace(placed(listeners, rng), placed(songs, rng), WMF)
    if kind == "fused":
        return Fused(inner, (0.75, 0.25))
    if kind == "learned_listeners":
        return LearnedListeners(inner.training_listeners(), inner.training_songs(), WMF)
    if kind in RULES:
        combination = no_combination(FACTORS)
        if kind == FEATURE_COMBINATION:
            combination = rng.standard_normal(combination.shape).astype(np.float32)
        return Hybrid(inner, kind, combination)
    return inner


def width(space: TasteSpace) -> int:
    """Length of its vectors."""
    return space.training_songs().vectors.shape[1]
