"""The embeddings among the systems of every table: of cold songs, of known ones, and as taggers."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from auto_tagging.protocol import TagFold
from auto_tagging.systems import CONTROLS as TAG_CONTROLS
from auto_tagging.systems import DESCRIPTIONS as TAG_DESCRIPTIONS
from auto_tagging.systems import Make as MakeTagger
from auto_tagging.systems import on_vectors
from comparison.fold import Fold
from comparison.systems import BOUND, CANDIDATE, CONTROLS, DESCRIPTIONS, Make
from earshot.arrays import positions_of
from earshot.columns import SONG_ID
from lee_2018_dcue.hot import factorization, known_popularity
from lee_2018_dcue.networks import embedding, system
from lee_2018_dcue.params import Lee2018

OF_EMBEDDINGS = {
    "basic_random": "one user tower, learned from nothing",
    "multi_random": "five user towers, learned from nothing, one for each of the last levels",
    "multi_factors": "five linear layers on the users' factors, one for each of the last levels",
    "basic_factors": "one linear layer on the users' factors",
}
COLD = DESCRIPTIONS | {name: f"deep content-user embedding: {words}" for name, words in OF_EMBEDDINGS.items()}
POPULARITY, FACTORIZATION = "popularity", "factorization"
HOT = COLD | {
    POPULARITY: "how many listeners each song has among the plays that are known",
    FACTORIZATION: "the factorization of the plays that are known; nothing is heard",
}
TAGS = TAG_DESCRIPTIONS | {
    name: f"a ridge regression on the song vectors of {name}: {words}"
    for name, words in OF_EMBEDDINGS.items()
}


def of_cold_songs(params: Lee2018) -> dict[str, Make]:
    """Controls, embeddings, the bound."""
    controls = {name: make for name, make in CONTROLS.items() if name != BOUND}
    return controls | _embeddings(params, list(params.embeddings)) | {BOUND: CONTROLS[BOUND]}


def of_known_songs(params: Lee2018) -> dict[str, Make]:
    """The same question of plays that were held out; the bound is the factorization itself."""
    controls = {name: CONTROLS[name] for name in ("random", "linear_bow", CANDIDATE)}
    return {
        **controls,
        POPULARITY: known_popularity,
        **_embeddings(params, params.hot.networks),
        FACTORIZATION: factorization,
    }


def _embeddings(params: Lee2018, names: list[str]) -> dict[str, Make]:
    return {
        name: partial(system, name=name, network=params.embeddings[name], training=params.embedding)
        for name in names
    }


def taggers(folds: dict[tuple[int, int], Fold], params: Lee2018) -> dict[str, MakeTagger]:
    """Ridge regressions on the embeddings' songs; `folds` by number and seed, split as the tags are."""

    def vectors(tag_fold: TagFold, name: str) -> NDArray[np.floating]:
        fold = folds[tag_fold.number, tag_fold.seed]
        found = embedding(fold, name, params.embeddings[name], params.embedding)
        return found.songs[positions_of(fold.songs[SONG_ID], tag_fold.task.songs[SONG_ID])]

    return TAG_CONTROLS | {name: on_vectors(partial(vectors, name=name)) for name in params.embeddings}
