"""The networks of a fold: each trained once, its scores kept."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.files import read_json, replace_array, write_json
from earshot.params import CnnCheckpoint
from earshot.predictors.load import device, load_encoder, predict, read_description, save_encoder
from earshot.predictors.song_encoder import SongEncoder, build, describe
from earshot.store.reader import HyperImageStore
from earshot.training.examples import Examples
from earshot.training.objectives.genre import Genre
from earshot.training.train import train
from earshot.trusted import named_classes
from hyper_image.params import LABEL, HyperImageParams
from hyper_image.snippets import Catalogue, SnippetFold

Array = NDArray[np.float32]

NETWORK = "network"
"""Folder of the output of a stage that tells labels: the first network, of the first fold."""


def refuse_bad_networks(catalogue: Catalogue, params: HyperImageParams) -> None:
    """Build each once: UserError for one that cannot be built, before any is trained."""
    for encoder in params.networks.values():
        build(
            describe(encoder, catalogue.store.format, params.training.window_seconds, len(catalogue.labels))
        )


def label_scores(
    catalogue: Catalogue, fold: SnippetFold, name: str, params: HyperImageParams, work: Path
) -> Array:
    """What the network `name` of the params says of the held-out snippets, float32 (n_test, n_labels).

    Logits, in the order of `catalogue.labels`; -inf for a label that the fold has nothing to learn from.
    """
    folder = network_folder(work, fold.by, fold.number, name)
    kept = folder / "scores.npy"
    if not kept.is_file():
        settings = params.training.of(params.networks[name])
        objective = train_network(catalogue, fold, settings, folder, params.folds.seed)
        scores = np.full((len(fold.test), len(catalogue.labels)), -np.inf, dtype=np.float32)
        columns = [catalogue.labels.index(label) for label in objective.genres]
        scores[:, columns] = predict(
            load_encoder(folder, named_classes(asdict(params.networks[name]))),
            catalogue.snippet_store,
            fold.test,
        )
        replace_array(kept, scores)
    found: Array = np.load(kept)
    return found


def network_folder(work: Path, by: str, number: int, name: str) -> Path:
    """Folder inside `work` of the network `name`, for fold `number` of the way of splitting `by`."""
    return work / name / f"{by}-fold{number}"


def train_network(
    catalogue: Catalogue, fold: SnippetFold, settings: CnnCheckpoint, folder: Path, seed: int
) -> Genre:
    """Train into `folder` to tell the labels of the catalogue; an interrupted training is continued."""
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    store, examples = catalogue.snippet_store, _examples(catalogue, fold)
    objective = Genre(examples, **settings.objective.init_args)
    description = describe(settings.encoder, store.format, settings.window_seconds, objective.n_outputs)
    trained = train(description, objective, store, examples, settings, seed=seed, work=work)
    save_encoder(folder, trained.encoder, description)
    shutil.rmtree(work)
    return objective


def _examples(catalogue: Catalogue, fold: SnippetFold) -> Examples:
    """Snippets in the place of songs; factors of length 0."""
    rows = np.concatenate([fold.training, fold.validation])
    songs = catalogue.snippets[[LABEL]].iloc[rows]
    return Examples(songs, np.empty((len(rows), 0), dtype=np.float32), rows, len(fold.training))


def embed(folder: Path, store: HyperImageStore) -> Array:
    """The last fully connected layer of the network in `folder`, of every song, float32 (n, width).

    The mean over a song's consecutive windows.
    """
    whole = load_encoder(folder)
    network = whole.network
    part = SongEncoder(network.embedding, whole.rows, whole.n_frames, network.n_embedding)  # type: ignore[arg-type]
    part.row_mean.copy_(whole.row_mean)
    part.row_scale.copy_(whole.row_scale)
    part.bound_rows()
    return predict(part.to(device()).eval(), store, range(len(store.songs)))


def keep_network(folder: Path, labels: Sequence[str], kept: Path) -> None:
    """Write into `kept` the network in `folder` and the labels of its outputs."""
    kept.mkdir()
    for name in ("encoder.pt", "encoder.json"):
        shutil.copyfile(folder / name, kept / name)
    write_json(kept / "labels.json", list(labels))


def read_network(
    kept: Path, store: HyperImageStore, params: HyperImageParams
) -> tuple[SongEncoder, list[str]]:
    """What `keep_network` wrote.

    Raises UserError where it hears images of another definition than those in `store`.
    """
    there = read_description(kept).feature_key
    if there != store.feature_key:
        raise UserError(
            f"{kept}: hears hyper-images of feature key {there}, data/hyper_images has {store.feature_key}: "
            "run the stage that trains it again"
        )
    encoder = load_encoder(kept, named_classes(asdict(params.networks[params.candidate])))
    labels: list[str] = read_json(kept / "labels.json")
    return encoder, labels
