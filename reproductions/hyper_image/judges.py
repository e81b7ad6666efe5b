"""Two classifiers that tell labels by other means than a network: they judge what was composed for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.extraction.statistics import row_statistics
from earshot.store.shards import Stored

WORDS, STATISTICS = "words", "statistics"
JUDGES = {
    WORDS: "logistic regression on a bag of MFCC words",
    STATISTICS: "logistic regression on means, deviations and steps of all rows",
}

_FRAMES_A_WORD = 200

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Judges:
    """Fitted by `fit_judges`, of scikit-learn; `mfcc` are the rows of MFCCs and their differences."""

    mfcc: NDArray[np.intp]
    words: Any
    by_words: Any
    by_statistics: Any

    def labels(self, frames: Stored) -> dict[str, int]:
        """What each says of an excerpt, uint8 (n_frames, n_rows): the number of a label."""
        counted = _bag(self.words, frames[:, self.mfcc])[None]
        spread = row_statistics(frames).reshape(1, -1)
        return {
            WORDS: int(self.by_words.predict(counted)[0]),
            STATISTICS: int(self.by_statistics.predict(spread)[0]),
        }


def fit_judges(
    excerpts: Stored, labels: NDArray[np.int64], mfcc: NDArray[np.intp], n_words: int, seed: int
) -> Judges:
    """Learn from excerpts, uint8 (n, n_frames, n_rows), and the number of the label of each, (n,)."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frames = excerpts[:, :, mfcc].reshape(-1, len(mfcc))
    drawn = np.random.default_rng(seed).permutation(len(frames))[: n_words * _FRAMES_A_WORD]
    dictionary = MiniBatchKMeans(min(n_words, len(drawn)), batch_size=2048, n_init=1, random_state=seed)
    words = make_pipeline(StandardScaler(), dictionary).fit(frames[drawn].astype(np.float32))
    bags = np.stack([_bag(words, excerpt[:, mfcc]) for excerpt in excerpts])
    spreads = np.stack([row_statistics(excerpt).ravel() for excerpt in excerpts])
    by_words = LogisticRegression(C=10, max_iter=1000).fit(bags, labels)
    by_statistics = make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=1000)).fit(
        spreads, labels
    )
    return Judges(mfcc, words, by_words, by_statistics)


def _bag(words: Any, frames: NDArray[np.uint8]) -> Doubles:
    """The root of the share of each word among frames (n_frames, 39), (n_words,)."""
    n_words = words[-1].n_clusters
    counts = np.bincount(words.predict(frames.astype(np.float32)), minlength=n_words)
    return np.sqrt(counts / len(frames))
