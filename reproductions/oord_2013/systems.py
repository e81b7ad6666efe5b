"""All systems of the comparison, from the least that is known of a song to the most."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from earshot.baselines.known import Known
from earshot.baselines.late_fusion import late_fusion
from earshot.baselines.linear import linear_bow, linear_modulation, linear_statistics
from earshot.baselines.metadata_genre import has_genre, metadata_genre
from earshot.baselines.popularity import popularity
from earshot.columns import N_LISTENERS
from earshot.evaluation.protocol import System, random_system, shuffled_content
from earshot.files import replace_arrays
from oord_2013.fold import Fold
from oord_2013.mlp_bow import mlp_bow
from oord_2013.mlr import mlr
from oord_2013.networks import predicted_factors

Make = Callable[[Fold], System]

CANDIDATE, BOUND = "cnn_mse", "upper_bound"
DESCRIPTIONS = {
    "random": "a random order for everybody",
    "shuffled_content": "what cnn_mse hears, dealt to the wrong songs",
    "metadata_genre": "a ridge regression on the genres that the delivery names",
    "linear_bow": "a ridge regression on a bag of MFCC words",
    "mlp_bow": "a network with one hidden layer on the bag of words",
    "linear_modulation": "a ridge regression on the bag of words and on how fast bands rise and fall",
    "linear_statistics": "a ridge regression on mean, spread and step of every row of the hyper-image",
    "mlr": "metric learning to rank on the bag of words: songs like those played",
    "time_shuffled": "cnn_mse on frames shuffled in time",
    "cnn_wpe": "the network of cnn_mse, trained to predict the plays (eq. 5)",
    "cnn_wpe_all_rows": "the same on the whole hyper-image",
    "cnn_mse_all_rows": "cnn_mse on the whole hyper-image",
    CANDIDATE: "a convolutional network on the mel rows, trained to predict the factors (eq. 4)",
    "genre_and_audio": "metadata_genre and cnn_mse, z-scores added",
    "popularity": "how many listeners each song will have: known to nobody, for scale",
    BOUND: "the place that the factorization itself would give each song, by its plays",
}


def make_systems(fold: Fold) -> dict[str, System]:
    """By name; what an interrupted run has made of them is read."""
    networks = {name: partial(_network, name=name) for name in fold.params.networks}
    made = _BEFORE | ({"mlr": _mlr} if fold.params.mlr else {}) | networks | _AFTER
    return {name: _kept(fold, name, made[name]) for name in sorted(made, key=list(DESCRIPTIONS).index)}


def shuffled(fold: Fold, seed: int) -> System:
    """What the candidate hears, dealt to other songs."""
    return shuffled_content(_network(fold, CANDIDATE), seed)


def _kept(fold: Fold, name: str, make: Make) -> System:
    path = fold.paths.root / "systems" / f"{name}.npz"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        system = make(fold)
        replace_arrays(path, users=system.user_vectors, items=system.item_vectors)
    with np.load(path) as vectors:
        return System(vectors["users"], vectors["items"])


def _random(fold: Fold) -> System:
    return random_system(len(fold.user_factors), len(fold.cold_start.song_ids), fold.seed)


def _network(fold: Fold, name: str) -> System:
    return System(fold.user_factors, fold.of_candidates(predicted_factors(fold, name)))


def _content(fold: Fold, predict: Callable[[Known], NDArray[np.float32]]) -> System:
    return System(fold.user_factors, fold.of_candidates(predict(fold.known)))


def _mlr(fold: Fold) -> System:
    users, items = mlr(fold.known)
    return System(users, fold.of_candidates(items))


def _genre_and_audio(fold: Fold) -> System:
    genre, audio = _content(fold, metadata_genre), _network(fold, CANDIDATE)
    known = fold.of_candidates(has_genre(fold.known))
    fused = late_fusion(_pair(genre), _pair(audio), known)
    return System(*fused)


def _pair(system: System) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    return system.user_vectors, system.item_vectors


def _popularity(fold: Fold) -> System:
    return System(*popularity(len(fold.user_factors), fold.of_candidates(fold.songs[N_LISTENERS].to_numpy())))


def _upper_bound(fold: Fold) -> System:
    return System(fold.user_factors, fold.cold_factors(fold.cold_start.song_ids))


_BEFORE: dict[str, Make] = {
    "random": _random,
    "shuffled_content": lambda fold: shuffled(fold, fold.seed),
    "metadata_genre": partial(_content, predict=metadata_genre),
    "linear_bow": partial(_content, predict=linear_bow),
    "mlp_bow": partial(_content, predict=mlp_bow),
    "linear_modulation": partial(_content, predict=linear_modulation),
    "linear_statistics": partial(_content, predict=linear_statistics),
}
_AFTER: dict[str, Make] = {
    "genre_and_audio": _genre_and_audio,
    "popularity": _popularity,
    BOUND: _upper_bound,
}
