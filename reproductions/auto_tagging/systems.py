"""Systems that every table of taggers holds, from nothing of the sound to all that its rows say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from auto_tagging.heads import linear_head, standardized, two_layer_head
from auto_tagging.protocol import Singles, TagFold, TagTask

Scores = NDArray[np.floating]
Make = Callable[[TagFold], Scores]
"""What a system says of the held-out songs of a fold: `(n_test, n_tags)`."""

FREQUENCY, ARTIST_MEAN = "tag_frequency", "artist_mean"
SHUFFLED_LABELS, SHUFFLED_CONTENT = "shuffled_labels", "shuffled_content"
LINEAR_BOW, LINEAR_STATISTICS = "linear_bow", "linear_statistics"
TWO_LAYERS_BOW, TWO_LAYERS_STATISTICS = "two_layers_bow", "two_layers_statistics"

DESCRIPTIONS = {
    FREQUENCY: "how frequent each tag is, the same for every song",
    SHUFFLED_LABELS: f"{LINEAR_STATISTICS}, learned from tags that were dealt to the wrong songs",
    SHUFFLED_CONTENT: "what the network says, dealt to the wrong songs",
    ARTIST_MEAN: "the tags of the artist's other songs; how frequent each tag is, where there are none",
    LINEAR_BOW: "a ridge regression on a bag of MFCC words",
    LINEAR_STATISTICS: "a ridge regression on mean, spread and step of every row of the hyper-image",
    TWO_LAYERS_BOW: "two fully connected layers on the bag of words",
    TWO_LAYERS_STATISTICS: "two fully connected layers on the statistics",
}


def tag_frequency(fold: TagFold) -> Scores:
    """The share of songs to learn from that have each tag: an AUC of 1/2, a PR-AUC of the share held out."""
    return np.tile(fold.task.labels[fold.learn].mean(axis=0), (len(fold.test), 1))


def artist_mean(fold: TagFold) -> Scores:
    """The share of the artist's other songs that have each tag; `tag_frequency` of an unknown artist."""
    artists, scores = fold.task.artists, tag_frequency(fold)
    for line, row in enumerate(fold.test):
        own = fold.learn & (artists == artists[row])
        if own.any():
            scores[line] = fold.task.labels[own].mean(axis=0)
    return scores


def shuffled_labels(fold: TagFold) -> Scores:
    """A ridge regression on statistics that learned from the tags of other songs."""
    learn, labels = np.flatnonzero(fold.learn), fold.task.labels.copy()
    labels[learn] = labels[np.random.default_rng(fold.seed).permutation(learn)]
    return linear_head(fold.with_labels(labels), _statistics(fold))


def on_vectors(
    vectors: Callable[[TagFold], NDArray[np.floating]],
    head: Callable[[TagFold, NDArray[np.floating]], Singles] = linear_head,
) -> Make:
    """The system of a head over frozen `vectors` of all songs of the task, `(n, d)`."""
    return lambda fold: head(fold, vectors(fold))


def _bags(fold: TagFold) -> Singles:
    return fold.bags


def _statistics(fold: TagFold) -> Singles:
    return standardized(fold, fold.task.statistics)


CONTROLS: dict[str, Make] = {
    FREQUENCY: tag_frequency,
    SHUFFLED_LABELS: shuffled_labels,
    ARTIST_MEAN: artist_mean,
    LINEAR_BOW: on_vectors(_bags),
    LINEAR_STATISTICS: on_vectors(_statistics),
}
TWO_LAYERS: dict[str, Make] = {
    TWO_LAYERS_BOW: on_vectors(_bags, two_layer_head),
    TWO_LAYERS_STATISTICS: on_vectors(_statistics, two_layer_head),
}


def family_systems(task: TagTask) -> dict[str, Make]:
    """A ridge regression on each family of vectors of songs that the store has beside the image, by name."""
    there = [each for each in task.store.families.values() if each.unit == "song" and each.dtype != "words"]
    return {f"linear_{each.name}": on_vectors(partial(_family, name=each.name)) for each in there}


def _family(fold: TagFold, name: str) -> Singles:
    return standardized(fold, fold.task.store.vectors(name, fold.task.positions))
