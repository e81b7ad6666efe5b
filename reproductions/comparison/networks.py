"""The networks of a fold: each trained once, what it predicts kept."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comparison.fold import Fold
from earshot.columns import SONG_ID
from earshot.files import replace_array
from earshot.params import CnnCheckpoint
from earshot.predictors.load import load_encoder, predict, save_encoder
from earshot.predictors.song_encoder import describe
from earshot.training.examples import read_examples
from earshot.training.train import build_objective, train
from earshot.trusted import named_classes


def predicted_factors(fold: Fold, name: str) -> NDArray[np.float32]:
    """What the network `name` of the params hears in every song of the fold, float32 `(n_songs, factors)`."""
    folder = fold.paths.root / "networks" / name
    kept = folder / "predicted.npy"
    if not kept.is_file():
        cnn = fold.params.networks[name].trained_by(fold.params.training)
        _train(fold, folder, cnn)
        encoder = load_encoder(folder, named_classes(asdict(cnn.encoder)))
        positions = [fold.store.position(song_id) for song_id in fold.songs[SONG_ID]]
        replace_array(kept, predict(encoder, fold.store, positions))
    vectors: NDArray[np.float32] = np.load(kept)
    return vectors


def _train(fold: Fold, folder: Path, params: CnnCheckpoint) -> None:
    """Train into `folder`; an interrupted training is continued."""
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    examples = read_examples(fold.training_set, fold.wmf_factors, fold.store)
    objective = build_objective(params.objective, examples)
    description = describe(params.encoder, fold.store.format, params.window_seconds, int(objective.n_outputs))  # type: ignore[arg-type]
    trained = train(description, objective, fold.store, examples, params, seed=fold.seed, work=work)
    save_encoder(folder, trained.encoder, description)
    shutil.rmtree(work)
