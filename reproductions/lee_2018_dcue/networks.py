"""The embeddings of a fold: each trained once, where it puts listeners and songs kept."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from comparison.fold import Fold
from comparison.params import Network
from earshot.columns import SONG_ID
from earshot.evaluation.protocol import System
from earshot.files import replace_arrays
from earshot.params import Training
from earshot.predictors.load import load_encoder, predict, save_encoder
from earshot.predictors.song_encoder import describe
from earshot.training.examples import read_examples
from earshot.training.objectives.content_user import ContentUser
from earshot.training.train import build_objective, train
from earshot.trusted import named_classes

Vectors = NDArray[np.float32]


class Embedding(NamedTuple):
    """Every head of length 1, so that a product is the sum of the heads' cosines.

    Listeners (n_all_users, heads * dimensions), rows as in the training set; songs (n_songs, ...), as in
    `Fold.songs`.
    """

    listeners: Vectors
    songs: Vectors


def embedding(fold: Fold, name: str, network: Network, training: Training) -> Embedding:
    """Listeners, and what is heard of every song of the fold; an interrupted training is continued."""
    folder = fold.paths.root / "embeddings" / name
    kept = folder / "embedding.npz"
    if not kept.is_file():
        settings, work = network.trained_by(training), folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        examples = read_examples(fold.training_set, fold.wmf_factors, fold.store)
        objective = build_objective(settings.objective, examples)
        assert isinstance(objective, ContentUser)
        described = describe(
            settings.encoder, fold.store.format, settings.window_seconds, objective.n_outputs
        )
        trained = train(described, objective, fold.store, examples, settings, seed=fold.seed, work=work)
        save_encoder(folder, trained.encoder, described)
        encoder = load_encoder(folder, named_classes(asdict(settings.encoder)))
        heard = predict(encoder, fold.store, [fold.store.position(song) for song in fold.songs[SONG_ID]])
        replace_arrays(kept, listeners=objective.listeners(), songs=unit_heads(heard, objective.heads))
        shutil.rmtree(work)
    with np.load(kept) as vectors:
        return Embedding(vectors["listeners"], vectors["songs"])


def unit_heads(vectors: Vectors, heads: int) -> Vectors:
    """(n, heads * dimensions), every head brought to length 1; zeros stay."""
    parts = vectors.reshape(len(vectors), heads, -1)
    lengths = np.linalg.norm(parts, axis=2, keepdims=True)
    return np.asarray((parts / np.where(lengths > 0, lengths, 1)).reshape(vectors.shape), np.float32)


def system(fold: Fold, name: str, network: Network, training: Training) -> System:
    """The embedding as it is judged."""
    found = embedding(fold, name, network, training)
    return System(found.listeners, fold.of_candidates(found.songs))
