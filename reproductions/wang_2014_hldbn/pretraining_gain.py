"""What pre-training brings, seed by seed: first weights, order of batches and sampled zeros all differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from comparison.fold import Fold
from earshot.evaluation.intervals import Interval
from earshot.evaluation.protocol import measure
from wang_2014_hldbn.fitting import root_mean_square
from wang_2014_hldbn.models import HLDBN, Models, of_new
from wang_2014_hldbn.params import Wang2014

WITHOUT = "hldbn_random"
METRICS = ("auc", "map", "rmse")


def measure_gain(fold: Fold, params: Wang2014) -> dict[str, Any]:
    """Metrics of cold songs by seed, with and without; the mean gain, its deviation and its interval."""
    found = {
        name: [_measure(fold, params, seed, name) for seed in params.pretraining_seeds]
        for name in (HLDBN, WITHOUT)
    }
    by_metric = {
        name: {metric: [round(one[metric], 6) for one in ones] for metric in METRICS}
        for name, ones in found.items()
    }
    return {
        "seeds": params.pretraining_seeds,
        "by_seed": by_metric,
        "gain": {metric: describe_gain(by_metric, metric) for metric in METRICS},
    }


def _measure(fold: Fold, params: Wang2014, seed: int, name: str) -> dict[str, float]:
    models = Models(fold, params, seed)
    fitted, cold = models.fitted(name), models.question.cold
    ranked = measure(of_new(fitted, fold), fold.cold_start, params.evaluation.k)
    error = root_mean_square(cold, fitted.of_new(cold.users, cold.songs))
    return {"auc": ranked.value("auc"), "map": ranked.value("map"), "rmse": error}


def describe_gain(by_metric: Mapping[str, Mapping[str, Sequence[float]]], metric: str) -> dict[str, Any]:
    """With minus without: the mean over seeds, its 95 % interval (Student's t), the deviation of one seed."""
    gains = np.subtract(by_metric[HLDBN][metric], by_metric[WITHOUT][metric])
    found = _over_seeds(gains)
    return {
        metric: round(found.value, 6),
        f"{metric}_ci95_seeds": [round(found.low, 6), round(found.high, 6)],
        "deviation": round(float(gains.std(ddof=1)), 6),
    }


def _over_seeds(gains: np.ndarray[Any, np.dtype[np.float64]]) -> Interval:
    from scipy.stats import t

    half = float(t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))
    mean = float(gains.mean())
    return Interval(mean, mean - half, mean + half)
