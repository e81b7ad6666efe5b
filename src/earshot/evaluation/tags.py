"""What factors tell of tags, and results by genre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.artists import LEAST_ARTISTS
from earshot.columns import split_names
from earshot.evaluation.cold_start import ColdStart

if TYPE_CHECKING:
    import pandas as pd


_FOLDS = 10
SMALLER_GENRES = "smaller genres"


def tag_table(
    tags: Sequence[str], vectors: Mapping[str, NDArray[np.floating]], n_tags: int, seed: int
) -> pd.DataFrame:
    """AUC of the most popular tags by logistic regression, over 10-fold cross-validation.

    Parameters
    ----------
    tags
        `;`-separated, `(n_songs,)`. A tag that some fold lacks, or that all songs have, is left out.
    vectors
        Kind -> `(n_songs, d)`; standardized here.
    n_tags
        The most popular ones; of equals the first by name.
    seed
        Of the folds.

    Returns
    -------
    tag, n_songs, and the AUC of every kind; the most popular first.
    """
    import pandas as pd

    names = [split_names(text) for text in tags]
    counted = Counter(name for song in names for name in song)
    popular = sorted(counted, key=lambda name: (-counted[name], name))
    # enough songs with and without the tag for one of each in every fold
    usable = [name for name in popular if _FOLDS <= counted[name] <= len(names) - _FOLDS][:n_tags]
    lines = []
    for name in usable:
        has = np.array([name in song for song in names])
        aucs = {kind: _auc(values, has, seed) for kind, values in vectors.items()}
        lines.append({"tag": name, "n_songs": int(has.sum()), **aucs})
    return pd.DataFrame(lines, columns=["tag", "n_songs", *vectors])


def _auc(vectors: NDArray[np.floating], has: NDArray[np.bool_], seed: int) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, vectors, has, cv=folds, method="decision_function")
    return round(float(roc_auc_score(has, scores)), 6)


def large_genres(
    genres: Sequence[str], cold_start: ColdStart, min_share: float
) -> dict[str, NDArray[np.bool_]]:
    """Which candidates are of each genre that has `min_share` of them and `LEAST_ARTISTS` artists.

    Songs of smaller genres, and of none of the large ones, are pooled as `SMALLER_GENRES`, if they have as
    many artists: else nobody would judge them.

    Parameters
    ----------
    genres
        `;`-separated, `(n_candidates,)`.

    Returns
    -------
    `(n_candidates,)` by genre, the largest first, the pooled ones last.
    """
    names = [split_names(text) for text in genres]
    counted = Counter(name for song in names for name in song)
    large = [name for name, n in sorted(counted.items()) if n >= min_share * len(names)]
    masks = {name: np.array([name in song for song in names]) for name in large}
    judged = {
        name: mask
        for name, mask in sorted(masks.items(), key=lambda item: -int(item[1].sum()))
        if len(set(cold_start.artists[mask])) >= LEAST_ARTISTS
    }
    smaller = np.array([bool(song) and not judged.keys() & set(song) for song in names])
    if len(set(cold_start.artists[smaller])) >= LEAST_ARTISTS:
        judged[SMALLER_GENRES] = smaller
    return judged
