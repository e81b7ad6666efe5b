"""Networks that are trained for tags, one a fold: each trained once, what it says kept."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auto_tagging.protocol import TagFold, TagTask
from earshot.columns import TAGS
from earshot.params import CnnCheckpoint
from earshot.predictors.load import load_encoder, predict, save_encoder
from earshot.predictors.song_encoder import SongEncoder, build, describe, heard_beside, with_network
from earshot.training.examples import Examples
from earshot.training.objectives.tags import Tags
from earshot.training.train import train
from earshot.trusted import named_classes

Singles = NDArray[np.float32]


class Probabilities(nn.Module):
    """What a network says of a window after the sigmoid, so that a song is the mean of probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        """As of the network, (batch, n_outputs), between 0 and 1."""
        return torch.sigmoid(self.network(*inputs))


def refuse_bad_network(task: TagTask, params: CnnCheckpoint) -> None:
    """Build it once: UserError for an encoder that cannot be built, before any is trained."""
    others = heard_beside(params.encoder, task.store, task.positions)
    build(describe(params.encoder, task.store.format, params.window_seconds, len(task.tags), others))


def tag_scores(fold: TagFold, name: str, params: CnnCheckpoint) -> Singles:
    """Probabilities of the tags of the held-out songs, float32 `(n_test, n_tags)`.

    By a network trained in this fold (`tagger`): the mean over the windows of a song, after the sigmoid.
    0 for a tag that the fold has nothing to learn from.
    """
    encoder, task = tagger(fold, name, params), fold.task
    columns = [task.tags.index(tag) for tag in Tags(tag_examples(fold), len(task.tags)).tags]
    telling = with_network(encoder, Probabilities(encoder.network), len(columns))
    scores = np.zeros((len(fold.test), len(task.tags)), dtype=np.float32)
    scores[:, columns] = predict(telling, task.store, task.positions[fold.test])
    return scores


def tagger(fold: TagFold, name: str, params: CnnCheckpoint) -> SongEncoder:
    """The encoder of `params` trained for the tags of the fold's songs, ready to predict; kept under `name`.

    Its outputs are logits of the tags that songs to learn from have. An interrupted training is continued.
    """
    folder = fold.work / "networks" / name
    if not (folder / "encoder.json").is_file():  # written last of all
        _train(fold, params, folder)
    return load_encoder(folder, named_classes(asdict(params.encoder)))


def _train(fold: TagFold, params: CnnCheckpoint, folder: Path) -> None:
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    task, examples = fold.task, tag_examples(fold)
    objective = Tags(examples, len(task.tags))
    others = heard_beside(params.encoder, task.store, examples.positions[: examples.n_training])
    description = describe(
        params.encoder, task.store.format, params.window_seconds, objective.n_outputs, others
    )
    trained = train(description, objective, task.store, examples, params, seed=fold.seed, work=work)
    save_encoder(folder, trained.encoder, description)
    shutil.rmtree(work)


def tag_examples(fold: TagFold) -> Examples:
    """The songs to learn from and for early stopping, with the tags of the task; factors of length 0."""
    rows, tags = np.concatenate([fold.training, fold.validation]), np.array(fold.task.tags, dtype=object)
    said = [";".join(tags[has]) for has in fold.task.labels[rows]]
    songs = fold.task.songs.iloc[rows].assign(**{TAGS: said})
    positions = fold.task.positions[rows]
    return Examples(songs, np.empty((len(rows), 0), dtype=np.float32), positions, len(fold.training))
