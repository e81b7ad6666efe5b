"""Which numbers a factorization is made with: those under which sound best tells who plays a song.

They are improved one at a time, each by a step on the grid, until no step makes any better. Lambda is a
multiple of the mean confidence of the plays, so that with another alpha or epsilon it is no other penalty:
eq. 3 by a number is the same equation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation.wmf_trials import SongRanking
from earshot.params import WmfFactors, WmfSettings

FALLBACK = {"factors": 20, "alpha": 2.0, "epsilon": 1e-6, "regularization": 100.0}
"""Where nothing can be tried. They are good on the plays of Last.fm-2K."""
GRID: dict[str, tuple[float, ...]] = {
    "factors": (10, 20, 50, 100),
    "alpha": (0.5, 2.0, 10.0),
    "epsilon": (1e-6, 0.1, 1.0, 10.0),
    "regularization": (1.0, 3.0, 10.0, 30.0),
}
"""What is tried of each; of the regularization, multiples of the mean confidence of the plays.

With the least alpha and the largest epsilon all confidences are nearly 1, with the smallest epsilon they are
nearly the same: there is nothing beyond. Factors and lambda could go on.
"""
_COULD_GO_ON = ("factors", "regularization")
START = {"factors": 50, "alpha": 2.0, "epsilon": 1.0, "regularization": 10.0}
TURNS = ("regularization", "epsilon", "alpha", "factors")
SWEEPS = 3
"""Over all numbers; rarely does the second still find a better one."""
TOLERANCE = 0.002
"""In the sum of mAP and AUC; of numbers within this of the best, those with the fewest factors are chosen."""

Place = tuple[int, ...]
"""On the grid: a number a name, in the order of `GRID`."""


@dataclass(frozen=True)
class TriedNumbers:
    """Numbers and what came of them."""

    numbers: WmfFactors
    score: SongRanking


@dataclass(frozen=True)
class Grid:
    """The values that each number may take.

    Attributes
    ----------
    values
        By name; one where params.yaml says it.
    mean_confidence
        Of the plays, under some alpha and epsilon; lambda is a multiple of it. None: it is given.
    """

    values: Mapping[str, Sequence[float]]
    iterations: int
    mean_confidence: Callable[[float, float], float] | None

    @classmethod
    def of(cls, settings: WmfSettings, play_counts: NDArray[np.floating]) -> Grid:
        """What `settings` leave open, for plays with these counts, (n_plays,)."""
        given = {name: getattr(settings, name) for name in GRID}
        values = {name: GRID[name] if value == "auto" else (value,) for name, value in given.items()}

        def mean_confidence(alpha: float, epsilon: float) -> float:
            return float(1 + alpha * np.log1p(play_counts.astype(np.float64) / epsilon).mean())

        free = given["regularization"] == "auto"
        return cls(values, settings.iterations, mean_confidence if free else None)

    def start(self) -> Place:
        """Places on the grid, one a number."""
        return tuple(
            values.index(START[name]) if START[name] in values else 0 for name, values in self.values.items()
        )

    def numbers(self, place: Place) -> WmfFactors:
        """The numbers at a place; lambda to two digits."""
        at = {name: values[n] for (name, values), n in zip(self.values.items(), place, strict=True)}
        if self.mean_confidence is not None:
            mean = self.mean_confidence(at["alpha"], at["epsilon"])
            at["regularization"] = float(f"{at['regularization'] * mean:.2g}")
        return WmfFactors(
            factors=int(at["factors"]),
            alpha=float(at["alpha"]),
            epsilon=float(at["epsilon"]),
            regularization=float(at["regularization"]),
            iterations=self.iterations,
        )

    def step(self, place: Place, name: str, by: int) -> Place | None:
        """The place beside `place`; None behind an end."""
        n = list(self.values).index(name)
        to = place[n] + by
        return (*place[:n], to, *place[n + 1 :]) if 0 <= to < len(self.values[name]) else None

    def at_an_end(self, place: Place) -> list[str]:
        """Names of the numbers that are the first or the last tried, and could go on."""
        return [
            name
            for (name, values), n in zip(self.values.items(), place, strict=True)
            if name in _COULD_GO_ON and len(values) > 1 and n in (0, len(values) - 1)
        ]


def choose(tried: Mapping[Place, TriedNumbers]) -> Place:
    """The place with the largest sum of mAP and AUC; of those as good, the one with the fewest factors.

    Of equals the first. Either alone leads astray: mAP goes on rising where the whole ranking gets worse,
    AUC where the first songs do. A bound on one of them moves with every trial, and leaves steps untried that
    were worse only then.
    """
    sums = {place: one.score.map + one.score.auc for place, one in tried.items()}
    best = max(sums.values())
    good = [place for place, each in sums.items() if each >= best - TOLERANCE]
    return min(good, key=lambda place: (tried[place].numbers.factors, -sums[place]))


def search(grid: Grid, score: Callable[[WmfFactors], SongRanking | None]) -> dict[Place, TriedNumbers]:
    """Try numbers, from the start of the grid, as long as a step makes them better.

    Parameters
    ----------
    score
        What some numbers come to; None where the equations have no solution.

    Returns
    -------
    All that were tried, in that order; nothing if no solution was found at the start.
    """
    tried: dict[Place, TriedNumbers] = {}
    unsolvable: set[Place] = set()

    def is_best(place: Place) -> bool:
        if place not in tried.keys() | unsolvable:
            found = score(grid.numbers(place))
            if found is None:
                unsolvable.add(place)
            else:
                tried[place] = TriedNumbers(grid.numbers(place), found)
        return place in tried and choose(tried) == place

    is_best(grid.start())
    for _ in range(SWEEPS if tried else 0):
        before = choose(tried)
        for name, by in product(TURNS, (-1, 1)):
            place = choose(tried)
            while (to := grid.step(place, name, by)) is not None and is_best(to):
                place = to
        if choose(tried) == before:
            break
    return tried
