"""logistic_mfcc: the genre of a song by logistic regression on means and deviations of 20 MFCCs.

The plain yardstick of genre recognition (G. Tzanetakis, P. Cook: Musical genre classification of audio
signals, 2002, has 5 MFCCs among its features; 20 are librosa's): nothing of the order in time, no network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earshot.features.mfcc import mfcc
from earshot.store.reader import HyperImageStore

N_MFCC = 20

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]


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
            np.add.at(added, groups[taken], values[taken])
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
        decibels = offset + scale * store.frames(position)[:, rows].astype(np.float32)
        found = mfcc(decibels, n_mfcc).astype(np.float64)
        frames[position] = len(found)
        sums[position], squares[position] = found.sum(axis=0), (found**2).sum(axis=0)
    return MfccSums(frames, sums, squares)


def logistic_scores(learn: Doubles, genres: Ints, asked: Doubles, n_genres: int) -> Doubles:
    """Log-probabilities of the genres, `(n_asked, n_genres)`; -inf for one that `genres` does not hold.

    Parameters
    ----------
    learn, asked
        `(n, d)`; each column is standardized as in `learn`.
    genres
        Of those in `learn`, `(n,)`, two or more different ones.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(learn, genres)
    scores = np.full((len(asked), n_genres), -np.inf)
    scores[:, model.classes_] = model.predict_log_proba(asked)
    return scores
