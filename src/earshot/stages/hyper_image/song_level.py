"""The genre of whole songs: what the networks say of a song's snippets together, and a plain yardstick."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import log_softmax

from earshot.baselines.logistic_mfcc import MfccSums, logistic_scores
from earshot.columns import SONG_ID
from earshot.stages.hyper_image.measures import Answers, Doubles, Ints, answer
from earshot.stages.hyper_image.snippets import Catalogue
from earshot.stages.hyper_image.splitting import Fold, Rows

LOGISTIC = "logistic_mfcc"


def song_answers(
    catalogue: Catalogue, fold: Fold, heard: Mapping[str, NDArray[np.floating]], sums: MfccSums
) -> dict[str, Answers]:
    """Of the held-out songs, by system; split by snippet, a song is those of its snippets on the same side.

    The yardstick learns from the songs for early stopping too: it has no other use for them.

    Parameters
    ----------
    heard
        Logits of the held-out snippets, `(n_test, n_genres)`, by network.
    sums
        Of all snippets.
    """
    asked, first = _songs(catalogue, fold.test)
    genres, artists = (numbers[first] for numbers in (catalogue.genre_numbers, catalogue.artist_numbers))
    learned, first_learned = _songs(catalogue, np.concatenate([fold.training, fold.validation]))
    scores = {
        LOGISTIC: logistic_scores(
            sums.statistics(learned),
            catalogue.genre_numbers[first_learned],
            sums.statistics(asked),
            len(catalogue.genres),
        )
    }
    scores |= {name: _mean_by_song(each, asked[fold.test]) for name, each in heard.items()}
    return {name: answer(each, genres, artists) for name, each in scores.items()}


def _songs(catalogue: Catalogue, rows: Rows) -> tuple[Ints, Rows]:
    """The song of each of `rows`, a number from 0, -1 for other snippets; and each song's first snippet."""
    numbers = pd.factorize(catalogue.snippets[SONG_ID].iloc[rows])[0]
    groups = np.full(len(catalogue.snippets), -1)
    groups[rows] = numbers
    return groups, rows[np.unique(numbers, return_index=True)[1]]


def _mean_by_song(logits: NDArray[np.floating], songs: Ints) -> Doubles:
    """Mean log-probabilities of each song's snippets, `(n_songs, n_genres)`."""
    added = np.zeros((songs.max() + 1, logits.shape[1]))
    np.add.at(added, songs, log_softmax(logits.astype(np.float64), axis=1))
    return added / np.bincount(songs)[:, None]
