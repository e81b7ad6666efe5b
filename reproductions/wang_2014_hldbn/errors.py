"""Root mean squared errors of ratings, with intervals over artists; of two models paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.artists import LEAST_ARTISTS
from earshot.evaluation.intervals import Interval, jackknife_interval
from earshot.evaluation.tables import rounded

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Errors:
    """The errors of one model.

    Attributes
    ----------
    squared, pairs
        float64 (n_artists,): squared errors of all ratings of songs by each artist, added up, and how many.
    """

    squared: Floats
    pairs: Floats

    @property
    def value(self) -> float:
        """RMSE of all ratings."""
        return float(np.sqrt(self.squared.sum() / self.pairs.sum()))

    @property
    def replicates(self) -> Floats:
        """(n_artists,): RMSE without the songs of each artist in turn; NaN where nothing is left."""
        left = self.pairs.sum() - self.pairs
        squared = np.maximum(self.squared.sum() - self.squared, 0)  # rounding may take away more than all
        return np.asarray(np.sqrt(squared / np.where(left > 0, left, np.nan)))

    def interval(self) -> Interval:
        """RMSE and its 95 % interval; NaN bounds with too few artists."""
        return _interval(self.value, self.replicates)


def add_up(artists: Sequence[NDArray[np.object_]], squared: Sequence[Floats]) -> Errors:
    """Errors of runs together: of each run the artist of every rating, and its squared error, (n,)."""
    _, rows = np.unique(np.concatenate(artists), return_inverse=True)
    every = np.concatenate(squared)
    return Errors(*(np.bincount(rows, some).astype(np.float64) for some in (every, np.ones_like(every))))


def difference(a: Errors, b: Errors) -> Interval:
    """a - b, of the same ratings, with its paired 95 % interval."""
    return _interval(a.value - b.value, a.replicates - b.replicates)


def describe(errors: Mapping[str, Errors], reference: str) -> dict[str, dict[str, Any]]:
    """By model: rmse, rmse_ci95_artists, and the same of its difference from `reference`."""
    described = {}
    for name, own in errors.items():
        minus = difference(own, errors[reference])
        described[name] = {
            **_named("rmse", own.interval()),
            **_named(f"minus_{reference}", minus),
            "n_artists": len(own.pairs),
        }
    return described


def _named(name: str, found: Interval) -> dict[str, Any]:
    return {name: rounded(found.value), f"{name}_ci95_artists": [rounded(found.low), rounded(found.high)]}


def _interval(value: float, replicates: Floats) -> Interval:
    if len(replicates) < LEAST_ARTISTS or np.isnan(replicates).any():
        return Interval(value, np.nan, np.nan)
    return jackknife_interval(value, replicates)
