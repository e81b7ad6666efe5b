"""All systems of the comparison, from the least that is known of a song to the most."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from comparison.fold import Fold
from comparison.systems import BOUND, CANDIDATE, CONTROLS, Make, content, network
from comparison.systems import DESCRIPTIONS as CONTROL_DESCRIPTIONS
from earshot.baselines.late_fusion import late_fusion
from earshot.baselines.linear import linear_modulation
from earshot.baselines.metadata_genre import has_genre, metadata_genre
from earshot.baselines.popularity import popularity
from earshot.columns import N_LISTENERS
from earshot.evaluation.protocol import System
from oord_2013.mlp_bow import mlp_bow
from oord_2013.mlr import mlr
from oord_2013.params import Oord2013

_OWN_DESCRIPTIONS = {
    "metadata_genre": "a ridge regression on the genres that the delivery names",
    "mlp_bow": "a network with one hidden layer on the bag of words",
    "linear_modulation": "a ridge regression on the bag of words and on how fast bands rise and fall",
    "mlr": "metric learning to rank on the bag of words: songs like those played",
    "time_shuffled": "cnn_mse on frames shuffled in time",
    "cnn_wpe": "the network of cnn_mse, trained to predict the plays (eq. 5)",
    "cnn_wpe_all_rows": "the same on the whole hyper-image",
    "cnn_mse_all_rows": "cnn_mse on the whole hyper-image",
    "genre_and_audio": "metadata_genre and cnn_mse, z-scores added",
    "popularity": "how many listeners each song will have: known to nobody, for scale",
}
DESCRIPTIONS = CONTROL_DESCRIPTIONS | _OWN_DESCRIPTIONS

ORDER = (
    *("random", "shuffled_content", "metadata_genre", "artist_mean", "linear_bow", "mlp_bow"),
    *("linear_modulation", "linear_statistics", "mlr", "time_shuffled", "cnn_wpe", "cnn_wpe_all_rows"),
    *("cnn_mse_all_rows", CANDIDATE, "genre_and_audio", "popularity", BOUND),
)


def makes(params: Oord2013) -> dict[str, Make]:
    """How each system is made, by name, in `ORDER`; networks of other names stand before the candidate."""
    networks: dict[str, Make] = {name: partial(network, name=name) for name in params.networks}
    made: dict[str, Make] = {**CONTROLS, **_OWN, **networks}
    if params.mlr:
        made["mlr"] = _mlr
    places = {name: place for place, name in enumerate(ORDER)}
    return {name: made[name] for name in sorted(made, key=lambda n: places.get(n, places[CANDIDATE] - 0.5))}


def _mlr(fold: Fold) -> System:
    users, items = mlr(fold.known)
    return System(users, fold.of_candidates(items))


def _genre_and_audio(fold: Fold) -> System:
    genre, audio = content(fold, metadata_genre), network(fold, CANDIDATE)
    known = fold.of_candidates(has_genre(fold.known))
    return System(*late_fusion(_pair(genre), _pair(audio), known))


def _pair(system: System) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    return system.user_vectors, system.item_vectors


def _popularity(fold: Fold) -> System:
    return System(*popularity(len(fold.user_factors), fold.of_candidates(fold.songs[N_LISTENERS].to_numpy())))


_OWN: Mapping[str, Make] = {
    "metadata_genre": partial(content, predict=metadata_genre),
    "mlp_bow": partial(content, predict=mlp_bow),
    "linear_modulation": partial(content, predict=linear_modulation),
    "genre_and_audio": _genre_and_audio,
    "popularity": _popularity,
}
