"""What a network must beat on clips: the most frequent labels, and a regression on statistics of sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sample_level_cnn.clips import ClipTask
from sample_level_cnn.twin import statistics

Scores = NDArray[np.floating]

MOST_FREQUENT, LINEAR_STATISTICS = "most_frequent", "linear_statistics"


def most_frequent(task: ClipTask, sample_rate: int) -> Scores:
    """The share of the clips to learn from that have each label, the same for every clip held out."""
    return np.tile(task.targets[task.training].mean(axis=0), (len(task.test), 1))


def linear_statistics(task: ClipTask, sample_rate: int) -> Scores:
    """Probabilities by logistic regression on mean, spread and step of the mel rows, `(n_test, n_labels)`.

    It learns from the clips for early stopping too. A label that all or none of them have is given that
    share.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.concatenate([task.training, task.validation])
    learn, asked = (statistics(task.samples[some], sample_rate) for some in (rows, task.test))
    scores = np.tile(task.targets[rows].mean(axis=0).astype(np.float64), (len(asked), 1))

    def fitted(targets: NDArray[np.generic]) -> tuple[NDArray[np.generic], Scores]:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)).fit(learn, targets)
        return model.classes_, model.predict_proba(asked)

    if task.one_each:
        there, found = fitted(task.targets[rows].argmax(axis=1))
        scores[:, there] = found
        return scores
    for label in np.flatnonzero((scores[0] > 0) & (scores[0] < 1)):
        scores[:, label] = fitted(task.targets[rows, label])[1][:, 1]
    return scores


CONTROLS: dict[str, Callable[[ClipTask, int], Scores]] = {
    MOST_FREQUENT: most_frequent,
    LINEAR_STATISTICS: linear_statistics,
}
DESCRIPTIONS = {
    MOST_FREQUENT: "how frequent each label is, the same for every clip",
    LINEAR_STATISTICS: "logistic regression on mean, spread and step of 128 mel rows",
}
