"""mlp_bow: a network with one hidden layer, from bags of words to item factors."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from earshot.baselines.known import Array, Known
from earshot.baselines.linear import one_scale

_HIDDEN = 1000
_PENALTIES = (1e-4, 1.0, 10.0)
_BATCH_SIZE = 64
_MAX_EPOCHS = 200
_PATIENCE = 10

Songs = tuple[Array, Array]
"""Features and targets of some songs, (n, d) and (n, factors)."""


def mlp_bow(known: Known) -> Array:
    """Item factors predicted from a bag of words by a perceptron (van den Oord et al. 2013, section 4.1).

    1,000 hidden units as in the paper, rectified; squared error, Adam. The songs in
    `known.validation` choose the epoch and the weight of the L2 penalty.

    Returns
    -------
    float32 (n, factors), in order of `known.songs`.

    Raises
    ------
    UserError
        No song for early stopping.
    """
    mean, scale = known.targets.mean(axis=0), known.targets.std() or np.float32(1)
    # from a mean squared length of 1 to a mean square of 1 a component, on average
    features = one_scale(known.bags, known.learn) * np.sqrt(np.float32(known.bags.shape[1]))
    targets = (known.targets - mean) / scale
    training = known.learn & ~known.validation
    sides = [(features[songs], targets[songs[known.learn]]) for songs in (training, known.validation)]
    trained = [_train(sides[0], sides[1], penalty, known.seed) for penalty in _PENALTIES]
    _, network = min(trained, key=lambda outcome: outcome[0])
    # sklearn gives (n,) for a single factor
    return np.asarray(network.predict(features).reshape(len(features), -1) * scale + mean, dtype=np.float32)


def _train(training: Songs, validation: Songs, penalty: float, seed: int) -> tuple[float, Any]:
    """The least error on the validation songs, and the network of that epoch."""
    from sklearn.neural_network import MLPRegressor

    from earshot.processes import progress

    batch_size = min(_BATCH_SIZE, len(training[0]))
    layers = {"hidden_layer_sizes": (_HIDDEN,), "batch_size": batch_size, "alpha": penalty}
    network, best, epoch_of_best = MLPRegressor(**layers, random_state=seed), (np.inf, None), 0
    for epoch in progress(range(_MAX_EPOCHS), description="perceptron", unit="epoch"):
        network.partial_fit(*training)
        predicted = network.predict(validation[0]).reshape(validation[1].shape)
        error = float(((predicted - validation[1]) ** 2).mean())
        if error < best[0]:
            best, epoch_of_best = (error, deepcopy(network)), epoch
        elif epoch - epoch_of_best >= _PATIENCE:
            break
    return best
