"""How often the label of a snippet is among the first, and how well each label is told, over artists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation.intervals import multiplicities, percentile_interval

METRICS = ("precision_at_1", "precision_at_3", "macro_f1")

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What a system says of held-out snippets, (n,) each.

    Attributes
    ----------
    artists
        Number of each one's artist, the same over all folds and ways of splitting.
    labels
        Number of each one's label.
    ranks
        Place of that label among all, by score, from 1; labels of equal score come before it.
    guesses
        Number of the label with the highest score, the first of equals.
    """

    artists: Ints
    labels: Ints
    ranks: Ints
    guesses: Ints


def answer(scores: NDArray[np.floating], labels: Ints, artists: Ints) -> Answers:
    """Of scores (n, n_labels), the labels and artists of the snippets, (n,)."""
    own = np.take_along_axis(scores, labels[:, None], axis=1)  # score of its own label, (n, 1)
    return Answers(artists, labels, (scores >= own).sum(axis=1), scores.argmax(axis=1))


def join(answers: Sequence[Answers]) -> Answers:
    """Those of several folds as one."""
    return Answers(
        *(np.concatenate(parts) for parts in zip(*(vars(a).values() for a in answers), strict=True))
    )


def measure(answers: Answers, n_labels: int, drawn: NDArray[np.floating]) -> dict[str, Doubles]:
    """Every metric for every column of `drawn`, how often each artist counts, (n_artists, n_columns).

    precision@k is the share of snippets whose label is among the k with the highest
    score; macro F1 the mean over labels of 2 right / (guessed + there are), without
    those that are neither. NaN for a column that draws none of the artists.
    """

    def tally(labels: Ints, counted: NDArray[np.bool_]) -> Doubles:
        """How many snippets of each label count, (n_labels, n_columns)."""
        by_artist = np.zeros((n_labels, len(drawn)))  # (n_labels, n_artists)
        np.add.at(by_artist, (labels, answers.artists), counted)  # .at: the same pair may come often
        columns: Doubles = by_artist @ drawn.astype(np.float64)
        return columns

    every, right = np.ones(len(answers.labels), dtype=np.bool_), answers.guesses == answers.labels
    there = tally(answers.labels, every)
    both = there + tally(answers.guesses, every)
    f1 = _ratio(2 * tally(answers.labels, right), both)  # (n_labels, n_columns)
    return {
        "precision_at_1": _ratio(tally(answers.labels, answers.ranks <= 1).sum(axis=0), there.sum(axis=0)),
        "precision_at_3": _ratio(tally(answers.labels, answers.ranks <= 3).sum(axis=0), there.sum(axis=0)),
        "macro_f1": _ratio(np.nan_to_num(f1).sum(axis=0), (both > 0).sum(axis=0)),
    }


def at_least_chance(values: dict[str, Doubles], n_labels: int) -> dict[str, Doubles]:
    """Each metric, or what naming labels at random has of balanced ones where that is more: k / n_labels.

    Where labels are balanced, the most frequent one of the artists learned from is the rarest of the others.
    """
    named = {"precision_at_1": 1, "precision_at_3": 3, "macro_f1": 1}
    return {metric: np.maximum(values[metric], min(1.0, k / n_labels)) for metric, k in named.items()}


def _ratio(part: Doubles, whole: Doubles | Ints) -> Doubles:
    found: Doubles = np.full(np.shape(part), np.nan)
    np.divide(part, whole, out=found, where=np.asarray(whole) > 0)
    return found


def replicates(n_artists: int, bootstraps: int, seed: int) -> NDArray[np.float32]:
    """Columns for `measure`, float32 (n_artists, 1 + bootstraps): the artists as they are, then as drawn."""
    once = np.ones((n_artists, 1), dtype=np.float32)
    return np.hstack([once, multiplicities(n_artists, bootstraps, seed)])


def describe(values: dict[str, Doubles]) -> dict[str, float | list[float]]:
    """Each metric of columns as `replicates` makes them, with its 95 % interval over artists."""
    summary: dict[str, float | list[float]] = {}
    for metric, columns in values.items():
        found = percentile_interval(float(columns[0]), columns[1:])
        summary[metric] = round(found.value, 6)
        summary[f"{metric}_ci95_artists"] = [round(found.low, 6), round(found.high, 6)]
    return summary


def minus(a: dict[str, Doubles], b: dict[str, Doubles]) -> dict[str, Doubles]:
    """Paired differences: the same artists drawn for both."""
    return {metric: a[metric] - b[metric] for metric in a}
