"""What a comparison makes systems of; those that stand in every table; what a killed run has made is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from comparison.fold import Fold
from comparison.networks import predicted_factors
from earshot.baselines.artist_mean import artist_mean
from earshot.baselines.known import Known
from earshot.baselines.linear import linear_bow, linear_statistics
from earshot.evaluation.protocol import System, random_system, shuffled_content
from earshot.files import replace_arrays

Make = Callable[[Fold], System]

CANDIDATE, BOUND = "cnn_mse", "upper_bound"
DESCRIPTIONS = {
    "random": "a random order for everybody",
    "shuffled_content": "what cnn_mse hears, dealt to the wrong songs",
    "linear_bow": "a ridge regression on a bag of MFCC words",
    "linear_statistics": "a ridge regression on mean, spread and step of every row of the hyper-image",
    "artist_mean": "the mean of the artist's other songs; nothing is heard",
    CANDIDATE: "a convolutional network on the mel rows, trained to predict the factors (eq. 4)",
    BOUND: "the place that the factorization itself would give each song, by its plays",
}
"""Of `CONTROLS`, by name."""


def make_systems(fold: Fold, makes: Mapping[str, Make]) -> dict[str, System]:
    """By name, in order; what an interrupted run has made of them is read."""
    return {name: _kept(fold, name, make) for name, make in makes.items()}


def _kept(fold: Fold, name: str, make: Make) -> System:
    path = fold.paths.root / "systems" / f"{name}.npz"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        system = make(fold)
        replace_arrays(path, users=system.user_vectors, items=system.item_vectors)
    with np.load(path) as vectors:
        return System(vectors["users"], vectors["items"])


def network(fold: Fold, name: str) -> System:
    """What the network `name` of the params hears, for the users of the factorization."""
    return System(fold.user_factors, fold.of_candidates(predicted_factors(fold, name)))


def content(fold: Fold, predict: Callable[[Known], NDArray[np.float32]]) -> System:
    """Factors that `predict` tells of every song, (n_songs, d), for the users of the factorization."""
    return System(fold.user_factors, fold.of_candidates(predict(fold.known)))


def shuffled(fold: Fold, seed: int) -> System:
    """What `CANDIDATE` hears, dealt to other songs."""
    return shuffled_content(network(fold, CANDIDATE), seed)


def _random(fold: Fold) -> System:
    return random_system(len(fold.user_factors), len(fold.cold_start.song_ids), fold.seed)


def _upper_bound(fold: Fold) -> System:
    return System(fold.user_factors, fold.cold_factors(fold.cold_start.song_ids))


CONTROLS: Mapping[str, Make] = {
    "random": _random,
    "shuffled_content": lambda fold: shuffled(fold, fold.seed),
    "linear_bow": partial(content, predict=linear_bow),
    "linear_statistics": partial(content, predict=linear_statistics),
    "artist_mean": partial(content, predict=artist_mean),
    CANDIDATE: partial(network, name=CANDIDATE),
    BOUND: _upper_bound,
}
"""In every table, from the least that is known of a song to the most; `CANDIDATE` is one of the networks."""
