"""Three ways of holding snippets out: at random, by whole songs, by artist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.catalogue import split
from earshot.columns import ARTIST_ID, SONG_ID
from earshot.errors import UserError
from earshot.stages.hyper_image.params import Folds
from earshot.stages.hyper_image.snippets import SNIPPET

KEPT_TOGETHER = {"snippet": SNIPPET, "song": SONG_ID, "artist": ARTIST_ID}
"""Way of splitting -> what lies on one side whole."""

Rows = NDArray[np.intp]


def ways(folds: Folds) -> list[str]:
    """The ways of splitting that are asked for, the strictest last."""
    return [by for by in KEPT_TOGETHER if by in folds.by]


@dataclass(frozen=True)
class Fold:
    """Rows of the snippets to learn from, for early stopping, and held out; each ascending.

    `by` is a key of `KEPT_TOGETHER`; `number` the fold that is held out.
    """

    by: str
    number: int
    training: Rows
    validation: Rows
    test: Rows


def make_fold(snippets: pd.DataFrame, by: str, number: int, folds: Folds) -> Fold:
    """By hashes of ids, so that a new delivery moves no snippet.

    Raises
    ------
    UserError
        One of the three sides is empty.
    """
    ids = snippets[KEPT_TOGETHER[by]]
    test = split.cold(ids, ids, folds.split(number))
    validation = ~test & split.validation(ids, folds.validation_share)
    sides = {
        "learn from": ~test & ~validation,
        "stop training by": validation,
        "hold out": test,
    }
    for purpose, side in sides.items():
        if not side.any():
            raise UserError(
                f"folds.folds={folds.folds}, folds.validation_share={folds.validation_share}: split by {by}, "
                f"fold {number} has none of {ids.nunique()} to {purpose}; more of them, or fewer folds, are "
                "wanted"
            )
    return Fold(by, number, *(np.flatnonzero(side) for side in sides.values()))


def on_both_sides(snippets: pd.DataFrame, fold: Fold, column: str) -> int:
    """How many songs or artists (`column`) have snippets that are held out, and others that are not."""
    seen = np.concatenate([fold.training, fold.validation])
    return len(set(snippets[column].iloc[seen]) & set(snippets[column].iloc[fold.test]))
