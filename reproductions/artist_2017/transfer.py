"""What vectors of songs are good for beside what they were learned for, by linear heads; artists by none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

from artist_2017.networks import label_vectors, untrained_vectors
from artist_2017.params import Artist2017
from auto_tagging.protocol import TagFold
from auto_tagging.systems import CONTROLS as TAG_CONTROLS
from auto_tagging.systems import Make as MakeTagger
from auto_tagging.systems import on_vectors
from comparison.fold import Fold
from comparison.systems import BOUND, CONTROLS, Make
from earshot.arrays import positions_of
from earshot.baselines.linear import one_scale, ridge, unit_deviation
from earshot.columns import SONG_ID
from earshot.errors import UserError
from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.protocol import System
from earshot.extraction.statistics import row_statistics
from earshot.processes import progress

OfSongs = Callable[[Fold], NDArray[np.floating]]
"""Vectors of all songs of a fold, (n_songs, d)."""

UNTRAINED = "untrained"


def vector_kinds(params: Artist2017) -> dict[str, OfSongs]:
    """The untrained network, then those that learned from artists."""
    first = params.labels[params.candidate]
    found: dict[str, OfSongs] = {
        UNTRAINED: partial(untrained_vectors, network=first, training=params.learning)
    }
    return found | {
        name: partial(label_vectors, name=name, network=network, training=params.learning)
        for name, network in params.labels.items()
    }


def of_cold_songs(params: Artist2017) -> dict[str, Make]:
    """Rankings of cold songs: controls, ridge regressions from vectors to factors, the bound."""
    controls = {name: make for name, make in CONTROLS.items() if name != BOUND}
    ours = {name: partial(to_factors, vectors=vectors) for name, vectors in vector_kinds(params).items()}
    return {**controls, **ours, BOUND: CONTROLS[BOUND]}


def to_factors(fold: Fold, vectors: OfSongs) -> System:
    """Factors told from standardized vectors by ridge regression, for the users of the factorization."""
    known = fold.known
    features = one_scale(unit_deviation(np.asarray(vectors(fold), np.float32), known.learn), known.learn)
    return System(fold.user_factors, fold.of_candidates(ridge(features, known.targets, known.learn)))


def taggers(folds: dict[tuple[int, int], Fold], params: Artist2017) -> dict[str, MakeTagger]:
    """Ridge regressions from vectors to tags; `folds` by number and seed, split as the tags are."""

    def of_task(tag_fold: TagFold, vectors: OfSongs) -> NDArray[np.floating]:
        fold = folds[tag_fold.number, tag_fold.seed]
        return vectors(fold)[positions_of(fold.songs[SONG_ID], tag_fold.task.songs[SONG_ID])]

    ours = vector_kinds(params)
    return TAG_CONTROLS | {
        name: on_vectors(partial(of_task, vectors=vectors)) for name, vectors in ours.items()
    }


def of_artists(params: Artist2017) -> dict[str, Make]:
    """For a cold song, cold songs by the cosine of their standardized vectors."""
    kinds: dict[str, OfSongs] = {
        "linear_bow": lambda fold: fold.known.bags,
        "linear_statistics": _statistics,
        **vector_kinds(params),
    }
    return {
        "random": lambda fold: by_cosine(fold, _noise),
        **{name: partial(by_cosine, vectors=vectors) for name, vectors in kinds.items()},
    }


def by_cosine(fold: Fold, vectors: OfSongs) -> System:
    """Every candidate as a listener who has played nothing but the artist's other songs."""
    learn = fold.known.learn
    found = np.asarray(vectors(fold), np.float32)
    centred = unit_deviation(found, learn) - unit_deviation(found, learn)[learn].mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = fold.of_candidates(centred / np.where(lengths > 0, lengths, 1))
    return System(unit, unit)


def same_artist(fold: Fold) -> ColdStart:
    """Which cold songs are by the artist of each: songs ask, and are neither right nor wrong themselves.

    Raises
    ------
    UserError
        No artist has two of them.
    """
    cold = fold.cold_start
    alike = cold.artist_ids[:, None] == cold.artist_ids
    np.fill_diagonal(alike, False)
    asking = np.flatnonzero(alike.any(axis=1))
    if not len(asking):
        raise UserError(
            f"{fold.training_set}: none of {len(cold.song_ids)} cold songs is by the artist of another one; "
            "more songs of an artist are wanted"
        )
    itself = csr_array(eye_array(len(alike), dtype=bool, format="csr"))[asking]
    return ColdStart(
        cold.song_ids, cold.artist_ids, cold.known_artist, asking, csr_array(alike[asking]), itself
    )


def _statistics(fold: Fold) -> NDArray[np.floating]:
    songs = progress(fold.known.positions, description="row statistics", unit="song")
    return np.stack([row_statistics(fold.store.frames(int(song))).ravel() for song in songs])


def _noise(fold: Fold) -> NDArray[np.floating]:
    return np.random.default_rng(fold.seed).standard_normal((len(fold.songs), 64))
