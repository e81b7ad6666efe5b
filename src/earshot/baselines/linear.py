"""Ridge regression from bags of words to item factors: the `linear_bow` of the evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.bag_of_words import bag_of_words
from earshot.columns import SONG_ID

_PENALTIES = np.logspace(-6, 4, 21)


def linear_bow(training_set: Path, wmf_factors: Path, seed: int) -> NDArray[np.float32]:
    """Item factors predicted from a bag of words by ridge regression.

    The penalty is chosen by leave-one-out error; all warm songs with audio and
    plays are learned from.

    Parameters
    ----------
    training_set, wmf_factors
        Folders, as the stages write them.
    seed
        Of the dictionary of words.

    Returns
    -------
    float32 (n_songs, factors), in order of `training_set/songs.parquet`.
    """
    import pandas as pd

    from earshot.audio.store import HyperImageStore

    store = HyperImageStore.open(training_set / "hyper_images")
    song_ids = pd.read_parquet(training_set / "songs.parquet")[SONG_ID]
    items = pd.read_parquet(wmf_factors / "items.parquet")[SONG_ID]
    warm = song_ids.isin(items).to_numpy(dtype=bool)
    rows = pd.Series(np.arange(len(items)), index=items)[song_ids[warm]].to_numpy()
    targets = np.load(wmf_factors / "item_factors.npy")[rows]
    words = bag_of_words(store, [store.position(song_id) for song_id in song_ids], warm, seed)
    return ridge(words, targets, warm)


def ridge(
    features: NDArray[np.float32], targets: NDArray[np.float32], learn: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Targets of all songs, predicted by ridge regression on those of some.

    Parameters
    ----------
    features
        (n, d)
    targets
        (n_learn, factors), of the songs marked in `learn`.
    learn
        (n,) bool.

    Returns
    -------
    float32 (n, factors)
    """
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=_PENALTIES).fit(features[learn], targets)
    return np.asarray(model.predict(features), dtype=np.float32)
