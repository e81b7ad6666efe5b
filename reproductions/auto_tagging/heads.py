"""Heads over frozen vectors of songs: a ridge regression, and two fully connected layers."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auto_tagging.protocol import TagFold
from earshot.baselines.linear import one_scale, ridge, unit_deviation
from earshot.processes import progress

Singles = NDArray[np.float32]

_BATCH_SIZE, _LEARNING_RATE, _WEIGHT_DECAY = 32, 1e-3, 1e-2
_MAX_EPOCHS, _PATIENCE = 100, 10


def standardized(fold: TagFold, vectors: NDArray[np.floating]) -> Singles:
    """Vectors of all songs, `(n, d)`, each column over its deviation in the songs to learn from; float32.

    For columns of different units. Components of a bag of words are of one unit, and lose by it.
    """
    return unit_deviation(vectors.astype(np.float32), fold.learn)


def linear_head(fold: TagFold, vectors: NDArray[np.floating]) -> Singles:
    """Scores of tags by ridge regression of 0 and 1, float32 `(n_test, n_tags)`.

    The penalty is the one with the least leave-one-out error.

    Parameters
    ----------
    vectors
        `(n, d)`, of all songs of the task; centred and scaled as a whole here.
    """
    features = one_scale(vectors.astype(np.float32), fold.learn)
    labels = fold.task.labels[fold.learn].astype(np.float32)
    # sklearn gives (n,) for a single tag
    return ridge(features, labels, fold.learn).reshape(len(vectors), -1)[fold.test]


class TwoLayers(nn.Module):
    """Two fully connected layers, each normalized over the batch and rectified, with dropout; then tags.

    As over the features of Lee and Nam 2017 (arXiv:1703.01793), whose widths are not published.
    """

    def __init__(self, n_inputs: int, n_tags: int, width: int = 512, dropout: float = 0.5) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_inputs, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, n_tags),
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """(batch, n_inputs) to logits (batch, n_tags)."""
        logits: Tensor = self.layers(vectors)
        return logits


@dataclass(frozen=True)
class _Songs:
    """Scaled vectors and tags of some songs, float32 (n, d) and (n, n_tags)."""

    vectors: Tensor
    labels: Tensor


def two_layer_head(fold: TagFold, vectors: NDArray[np.floating]) -> Singles:
    """Probabilities of the tags by `TwoLayers`, float32 `(n_test, n_tags)`.

    Binary cross-entropy, AdamW; the songs for early stopping choose the epoch.

    Parameters
    ----------
    vectors
        `(n, d)`, of all songs of the task; centred and scaled as a whole here.
    """
    # from a mean squared length of 1 to a mean square of 1 a column
    scaled = one_scale(vectors.astype(np.float32), fold.learn) * np.sqrt(np.float32(vectors.shape[1]))
    labels = fold.task.labels
    training, validation, test = (
        _Songs(torch.from_numpy(scaled[rows]), torch.from_numpy(labels[rows]).float())
        for rows in (fold.training, fold.validation, fold.test)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(fold.seed)
        network = _fit(TwoLayers(vectors.shape[1], labels.shape[1]), training, validation)
        with torch.inference_mode():
            return torch.sigmoid(network(test.vectors)).numpy()


def _fit(network: TwoLayers, training: _Songs, validation: _Songs) -> TwoLayers:
    """Trained, with the weights of the epoch of the least loss on the songs for early stopping."""
    loss_of = nn.functional.binary_cross_entropy_with_logits
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    best, best_loss, epoch_of_best = deepcopy(network.state_dict()), float("inf"), 0
    for epoch in progress(range(_MAX_EPOCHS), description="two layers", unit="epoch"):
        network.train()
        for rows in torch.split(torch.randperm(len(training.vectors)), _BATCH_SIZE):
            if len(rows) == 1:  # no deviation over a batch of one
                continue
            optimizer.zero_grad()
            loss: Tensor = loss_of(network(training.vectors[rows]), training.labels[rows])
            torch.autograd.backward(loss)
            optimizer.step()
        network.eval()
        with torch.inference_mode():
            held_out = float(loss_of(network(validation.vectors), validation.labels))
        if held_out < best_loss:
            best, best_loss, epoch_of_best = deepcopy(network.state_dict()), held_out, epoch
        elif epoch - epoch_of_best >= _PATIENCE:
            break
    network.load_state_dict(best)
    return network.eval()
