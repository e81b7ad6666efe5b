"""What networks learn from artist labels: trained on warm songs, heard in every song of a fold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from comparison.fold import Fold
from comparison.params import Network
from earshot.catalogue.split import chosen
from earshot.columns import ARTIST_ID, COLD, SONG_ID
from earshot.errors import UserError
from earshot.files import replace_array
from earshot.params import CnnCheckpoint, Training
from earshot.predictors.load import load_encoder, predict, save_encoder
from earshot.predictors.song_encoder import EncoderDescription, describe
from earshot.training.examples import Examples
from earshot.training.train import build_objective, train, untrained
from earshot.trusted import named_classes

Vectors = NDArray[np.float32]

VALIDATION_SHARE = 3
"""One in three of an artist's songs is for early stopping, but never the only one; the paper has 3 of 20."""


def artist_examples(fold: Fold, artists: int | None = None, songs: int | None = None) -> Examples:
    """Warm songs with their artists: those to learn from, then those for early stopping, artist by artist.

    Parameters
    ----------
    artists, songs
        At most so many artists, and songs of each to learn from, picked by hashes of their ids; None: all.
        Songs for early stopping are the same however many are learned from.

    Raises
    ------
    UserError
        No warm song names an artist.
    """
    import pandas as pd

    named = fold.songs[~fold.songs[COLD] & (fold.songs[ARTIST_ID].fillna("") != "")]
    if named.empty:
        raise UserError(
            f"{fold.training_set / 'songs.parquet'}: no warm song of {len(fold.songs)} has an artist_id; "
            "artists of some songs are wanted"
        )
    there = named[ARTIST_ID].unique()
    picked = named[named[ARTIST_ID].isin(chosen(there, artists or len(there), "artist labels"))]
    parts: tuple[list[str], list[str]] = ([], [])
    for _, own in picked.groupby(ARTIST_ID):
        order = chosen(own[SONG_ID], len(own), "artist labels")
        n_validation = len(order) // VALIDATION_SHARE
        parts[1].extend(order[:n_validation])
        parts[0].extend(order[n_validation:][:songs])
    lines = pd.concat([picked.set_index(SONG_ID).loc[part] for part in parts]).reset_index()
    positions = np.array([fold.store.position(song_id) for song_id in lines[SONG_ID]], dtype=np.int64)
    return Examples(lines, np.zeros((len(lines), 1), np.float32), positions, len(parts[0]))


def label_vectors(fold: Fold, name: str, network: Network, training: Training) -> Vectors:
    """What `network`, trained on all artists, gives for every song of the fold, float32 (n_songs, d)."""
    return trained_vectors(fold, name, network.trained_by(training), lambda: artist_examples(fold))


def trained_vectors(
    fold: Fold, name: str, settings: CnnCheckpoint, examples: Callable[[], Examples]
) -> Vectors:
    """Likewise of any examples; kept under `name`, and an interrupted training is continued."""

    def make(folder: Path) -> Vectors:
        work, learned = folder / "work", examples()
        work.mkdir(exist_ok=True)
        objective: Any = build_objective(settings.objective, learned)
        described = _described(fold, settings, objective)
        found = train(described, objective, fold.store, learned, settings, seed=fold.seed, work=work)
        save_encoder(folder, found.encoder, described)
        shutil.rmtree(work)
        encoder = load_encoder(folder, named_classes(asdict(settings.encoder)))
        return predict(encoder, fold.store, _positions(fold))

    return _kept(fold, name, make)


def untrained_vectors(fold: Fold, network: Network, training: Training) -> Vectors:
    """What the same network gives before it has learned anything; rows are on the scale of the warm songs."""

    def make(folder: Path) -> Vectors:
        settings, learned = network.trained_by(training), artist_examples(fold)
        objective: Any = build_objective(settings.objective, learned)
        described = _described(fold, settings, objective)
        torch.manual_seed(fold.seed)
        encoder = untrained(described, fold.store, learned, fold.seed)
        return predict(encoder.eval(), fold.store, _positions(fold))

    return _kept(fold, "untrained", make)


def _described(fold: Fold, settings: CnnCheckpoint, objective: Any) -> EncoderDescription:
    return describe(settings.encoder, fold.store.format, settings.window_seconds, objective.n_outputs)


def _positions(fold: Fold) -> list[int]:
    return [fold.store.position(song_id) for song_id in fold.songs[SONG_ID]]


def _kept(fold: Fold, name: str, make: Callable[[Path], Vectors]) -> Vectors:
    folder = fold.paths.root / "labels" / name
    kept = folder / "vectors.npy"
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        replace_array(kept, make(folder))
    vectors: Vectors = np.load(kept)
    return vectors
