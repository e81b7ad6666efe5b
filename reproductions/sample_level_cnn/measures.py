"""How well clips are told: accuracy, the F-score over all labels of all clips, or ROC-AUC, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auto_tagging.measures import difference, tag_metrics
from earshot.evaluation.intervals import Interval
from earshot.evaluation.tables import rounded

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ratio:
    """A measure that is a sum over clips divided by another, `(n,)` each.

    Drawn again, clips of one group are drawn together.
    """

    numerator: Floats
    denominator: Floats

    def value(self) -> float:
        """Of all clips; 0 where there is nothing to be told and nothing is said."""
        return float(self.over(np.ones((1, len(self.numerator))))[0])

    def over(self, weights: Floats) -> Floats:
        """`(draws,)` for weights of the clips, `(draws, n)`."""
        below = weights @ self.denominator
        return np.divide(weights @ self.numerator, below, out=np.zeros(len(weights)), where=below > 0)


def accuracy(scores: NDArray[np.floating], targets: NDArray[np.floating]) -> Ratio:
    """The share of clips whose label has the highest score, the first of equals; both `(n, n_labels)`."""
    right = scores.argmax(axis=1) == targets.argmax(axis=1)
    return Ratio(right.astype(np.float64), np.ones(len(right)))


def instance_f(scores: NDArray[np.floating], targets: NDArray[np.floating], threshold: float) -> Ratio:
    """2 TP / (2 TP + FP + FN), labels of all clips counted alike, said where the score is above `threshold`.

    Both `(n, n_labels)`.
    """
    said, true = scores > threshold, targets > 0
    hits = 2.0 * (said & true).sum(axis=1)
    return Ratio(hits, (said.sum(axis=1) + true.sum(axis=1)).astype(np.float64))


def describe_auc(
    systems: Mapping[str, NDArray[np.floating]], targets: NDArray[np.floating], groups: NDArray[np.object_]
) -> dict[str, dict[str, Any]]:
    """The same of the mean ROC-AUC over labels, by the jackknife over groups (`auto_tagging.measures`).

    Scores and targets `(n, n_labels)`, groups `(n,)`.
    """
    results = {name: tag_metrics(scores, targets > 0, groups) for name, scores in systems.items()}
    described: dict[str, dict[str, Any]] = {}
    for name, result in results.items():
        minus = {other: _interval(difference(result, results[other], "auc")) for other in described}
        described[name] = _interval(result.interval("auc")) | {"minus": minus}
    return described


def _interval(found: Interval) -> dict[str, Any]:
    return {"value": rounded(found.value), "ci95": [rounded(found.low), rounded(found.high)]}


def describe(
    found: Mapping[str, Ratio], groups: NDArray[np.object_], n_draws: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Each system's value and, as `minus`, its difference to every system before it, with 95 % intervals.

    By the percentiles of `n_draws` draws of the groups of clips, `(n,)`, with replacement, the same for all.
    """
    names, numbers = np.unique(groups.astype(str), return_inverse=True)
    draw = np.random.default_rng(seed)
    # how often each group is drawn, (draws, n_groups), then each clip
    weights = draw.multinomial(len(names), np.full(len(names), 1 / len(names)), n_draws)[:, numbers]
    drawn = {name: ratio.over(weights.astype(np.float64)) for name, ratio in found.items()}
    described: dict[str, dict[str, Any]] = {}
    for name, ratio in found.items():
        minus = {
            other: {
                "value": round(ratio.value() - found[other].value(), 6),
                "ci95": _ends(drawn[name] - drawn[other], len(names)),
            }
            for other in described
        }
        described[name] = {
            "value": round(ratio.value(), 6),
            "ci95": _ends(drawn[name], len(names)),
            "minus": minus,
        }
    return described


def _ends(values: Floats, n_groups: int) -> list[float | None]:
    """None where there is only one group to draw."""
    if n_groups < 2:
        return [None, None]
    return [round(float(end), 6) for end in np.percentile(values, [2.5, 97.5])]
