"""Systems that rank new songs by the embedding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from comparison.fold import Fold
from comparison.systems import Make
from earshot.baselines.linear import ridge
from earshot.evaluation.protocol import System
from earshot.factors.solves import confidence
from hyper_image.embedding import embedding_of
from hyper_image.machine import fit_machine
from hyper_image.params import HyperImageParams
from hyper_image.side_features import factorize

RIDGE, SIDE, MACHINE = "ridge_on_embedding", "side_features", "fm"
DESCRIPTIONS = {
    RIDGE: "a ridge regression from the embedding to the factors",
    SIDE: "factors with the embedding as side features, fitted together; new songs by the map alone",
    MACHINE: "a factorization machine on listener and embedding",
}


def makes(params: HyperImageParams) -> Mapping[str, Make]:
    """By name, in the order of `DESCRIPTIONS`."""
    return {
        RIDGE: lambda fold: _ridge(fold, params),
        SIDE: lambda fold: _side_features(fold, params),
        MACHINE: lambda fold: _machine(fold, params),
    }


def _ridge(fold: Fold, params: HyperImageParams) -> System:
    known = fold.known
    told = ridge(embedding_of(fold, params), known.targets, known.learn)
    return System(fold.user_factors, fold.of_candidates(told))


def _side_features(fold: Fold, params: HyperImageParams) -> System:
    known, wmf, settings = fold.known, fold.params.wmf_factors, params.recommendation.side_features
    embedding = embedding_of(fold, params)
    fitted = factorize(
        confidence(known.plays[:, known.learn], wmf.alpha, wmf.epsilon),
        embedding[known.learn],
        fold.user_factors,
        regularization=wmf.regularization,
        penalty=settings.penalty,
        iterations=settings.iterations,
    )
    return System(fitted.users, fold.of_candidates(fitted.linear.of(embedding)))


def _machine(fold: Fold, params: HyperImageParams) -> System:
    known = fold.known
    learn, stop = np.flatnonzero(known.learn & ~known.validation), np.flatnonzero(known.validation)
    embedding, settings = embedding_of(fold, params), params.recommendation.machine
    users, songs = fit_machine(known.plays, embedding, learn, stop, settings, fold.seed)
    return System(users, fold.of_candidates(songs))
