"""Whole songs: their label, and a plain yardstick for it.

The yardstick, logistic_mfcc, is logistic regression on means and deviations of 20 MFCCs (G. Tzanetakis,
P. Cook: Musical genre classification of audio signals, 2002, has 5 MFCCs among its features; 20 are
librosa's): nothing of the order in time, no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax

from earshot.columns import SONG_ID
from earshot.features.mfcc import mfcc
from earshot.store.reader import HyperImageStore
from hyper_image.measures import Answers, Doubles, Ints, answer
from hyper_image.snippets import Catalogue, Rows, SnippetFold

N_MFCC = 20


@dataclass(frozen=True)
class MfccSums:
    """Of each excerpt in a store: how many frames, and the sums of their MFCCs and of the squares of these.

    `(n,)`, and `(n, N_MFCC)` twice; of a store with fewer mel rows as many MFCCs as it has.
    """

    frames: Doubles
    sums: Doubles
    squares: Doubles

    def statistics(self, groups: Ints) -> Doubles:
        """Means and standard deviations of the frames of each group, `(n_groups, 2 * N_MFCC)`.

        `groups` is a number from 0 for each excerpt, `(n,)`, -1 for one that is left out; each has some.
        """
        taken = groups >= 0
        n_groups = groups.max() + 1

        def total(values: Doubles) -> Doubles:
            added = np.zeros((n_groups, *values.shape[1:]))
            np.add.at(added, groups[taken], values[taken])  # .at: a group has many excerpts
            return added

        n = total(self.frames)[:, None]
        means = total(self.sums) / n
        return np.hstack([means, np.sqrt(np.maximum(total(self.squares) / n - means**2, 0))])


def mfcc_sums(store: HyperImageStore) -> MfccSums:
    """Of every excerpt in `store`, out of its mel rows as they are stored."""
    rows = store.row_slice(["mel"])
    offset = np.array([store.rows[row].offset for row in rows], dtype=np.float32)
    scale = np.array([store.rows[row].scale for row in rows], dtype=np.float32)
    n_mfcc = min(N_MFCC, len(rows))
    frames = np.empty(len(store.songs))
    sums, squares = np.empty((2, len(store.songs), n_mfcc))
    for position in range(len(store.songs)):
        # stored levels to dB, (n_frames, n_mels)
        decibels = offset + scale * store.frames(position)[:, rows].astype(np.float32)
        found = mfcc(decibels, n_mfcc).astype(np.float64)
        frames[position] = len(found)
        sums[position], squares[position] = found.sum(axis=0), (found**2).sum(axis=0)
    return MfccSums(frames, sums, squares)


def logistic_scores(learn: Doubles, labels: Ints, asked: Doubles, n_labels: int) -> Doubles:
    """Log-probabilities of the labels, `(n_asked, n_labels)`; -inf for one that `labels` does not hold.

    Parameters
    ----------
    learn, asked
        `(n, d)`; each column is standardized as in `learn`.
    labels
        Of those in `learn`, `(n,)`, two or more different ones.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(learn, labels)
    scores = np.full((len(asked), n_labels), -np.inf)
    scores[:, model.classes_] = model.predict_log_proba(asked)
    return scores


LOGISTIC = "logistic_mfcc"


def song_answers(
    catalogue: Catalogue, fold: SnippetFold, logits: Mapping[str, NDArray[np.floating]], sums: MfccSums
) -> dict[str, Answers]:
    """Of the held-out songs, by system; split by snippet, a song is those of its snippets on the same side.

    The yardstick learns from the songs for early stopping too: it has no other use for them.

    Parameters
    ----------
    logits
        Logits of the held-out snippets, `(n_test, n_labels)`, by network.
    sums
        Of all snippets.
    """
    asked, first = _songs(catalogue, fold.test)
    labels, artists = (numbers[first] for numbers in (catalogue.label_numbers, catalogue.artist_numbers))
    learned, first_learned = _songs(catalogue, np.concatenate([fold.training, fold.validation]))
    scores = {
        LOGISTIC: logistic_scores(
            sums.statistics(learned),
            catalogue.label_numbers[first_learned],
            sums.statistics(asked),
            len(catalogue.labels),
        )
    }
    scores |= {name: _mean_by_song(each, asked[fold.test]) for name, each in logits.items()}
    return {name: answer(each, labels, artists) for name, each in scores.items()}


def _songs(catalogue: Catalogue, rows: Rows) -> tuple[Ints, Rows]:
    """The song of each of `rows`, a number from 0, -1 for other snippets; and each song's first snippet."""
    numbers = pd.factorize(catalogue.snippets[SONG_ID].iloc[rows])[0]
    groups = np.full(len(catalogue.snippets), -1)
    groups[rows] = numbers
    # return_index: where each song comes first
    return groups, rows[np.unique(numbers, return_index=True)[1]]


def _mean_by_song(logits: NDArray[np.floating], songs: Ints) -> Doubles:
    """Mean log-probabilities of each song's snippets, `(n_songs, n_labels)`."""
    added = np.zeros((songs.max() + 1, logits.shape[1]))
    np.add.at(added, songs, log_softmax(logits.astype(np.float64), axis=1))
    return added / np.bincount(songs)[:, None]
