"""The embedding of every song of a fold, by a network that met neither sound nor label of its cold songs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from comparison.fold import Fold
from earshot.baselines.linear import one_scale, unit_deviation
from earshot.columns import COLD, SONG_ID, VALIDATION
from earshot.errors import UserError
from earshot.files import replace_array
from hyper_image.networks import embed, train_network
from hyper_image.params import HyperImageParams
from hyper_image.snippets import Catalogue, SnippetFold, read_catalogue

Array = NDArray[np.float32]


def embedding_of(fold: Fold, params: HyperImageParams) -> Array:
    """The last layer but one of the first network, trained on the labels of the warm songs.

    Each column is over its standard deviation and the whole on one scale, by the songs to learn from.

    Returns
    -------
    float32 (n_songs, width), rows as in `fold.songs`.

    Raises
    ------
    UserError
        Fewer than two labels have enough warm songs, or none of these stop the training.
    """
    folder = fold.paths.root / "embedding"
    kept = folder / "embedding.npy"
    if not kept.is_file():
        catalogue = warm_catalogue(fold, params)
        settings = params.training.of(params.networks[params.candidate])
        train_network(catalogue, warm_snippets(catalogue, fold), settings, folder, fold.seed)
        replace_array(kept, embed(folder, catalogue.store)[fold.known.positions])
    heard, learn = np.load(kept, allow_pickle=False), fold.known.learn
    return one_scale(unit_deviation(heard, learn), learn)


def warm_catalogue(fold: Fold, params: HyperImageParams) -> Catalogue:
    """All songs of the fold; those that are cold take no part, as their labels are hidden."""
    cold = fold.songs.loc[fold.songs[COLD], SONG_ID]
    return read_catalogue(
        fold.training_set,
        fold.training_set / "hyper_images",
        params.training.window_seconds,
        params.least_songs,
        params.labels,
        hidden=set(cold),
    )


def warm_snippets(catalogue: Catalogue, fold: Fold) -> SnippetFold:
    """The snippets of the warm songs, those of songs for early stopping apart; none is held out."""
    stop = fold.songs.loc[fold.songs[VALIDATION], SONG_ID]
    validation = catalogue.snippets[SONG_ID].isin(set(stop)).to_numpy()
    if not 0 < validation.sum() < len(validation):
        raise UserError(
            f"{validation.sum()} of {len(validation)} snippets of warm songs are for early stopping; some "
            "are wanted, and others to learn from: more songs, or another "
            "recommendation.folds.validation_share"
        )
    return SnippetFold(
        "warm", 0, np.flatnonzero(~validation), np.flatnonzero(validation), np.array([], np.intp)
    )
