"""How many artists, and how many songs of each, it takes before their labels are worth anything elsewhere."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from artist_2017.networks import artist_examples, trained_vectors, untrained_vectors
from artist_2017.params import Artist2017
from artist_2017.tags import genre_fold
from artist_2017.transfer import OfSongs, by_cosine, same_artist, to_factors
from auto_tagging.heads import linear_head
from auto_tagging.measures import tag_metrics
from auto_tagging.protocol import TagFold
from comparison.fold import Fold, make_fold
from earshot.arrays import positions_of
from earshot.columns import ARTIST_ID, SONG_ID
from earshot.evaluation.protocol import measure
from earshot.stages.paths import Paths

PARAMS = Artist2017


def run(paths: Paths, params: Artist2017) -> dict[str, Any]:
    """Write curve.csv: artists, songs of each, songs in all, and AUC of factors, artists and genres.

    The first line is of the untrained network. A training that was done before a kill is read.
    """
    fold = make_fold(paths, params, params.folds.held_out[0], params.folds.seeds[0])
    genres = genre_fold(paths, params, fold)
    settings = params.curve
    network = params.labels[settings.network]
    nothing = partial(untrained_vectors, network=network, training=params.learning)
    lines = [{"artists": 0, "songs": 0, "learned": 0, **_transfer(fold, genres, nothing)}]
    trained = replace(network.trained_by(params.learning), max_epochs=1, patience=1, min_steps=settings.steps)
    sizes: set[tuple[int, int]] = set()
    for songs, artists in product(settings.songs, settings.artists):
        examples = artist_examples(fold, artists, songs)
        learned = examples.songs[: examples.n_training]
        size = (int(learned[ARTIST_ID].nunique()), len(learned))
        if size not in sizes:  # where there are fewer, all were taken before
            sizes.add(size)
            make = partial(_vectors, settings=trained, artists=artists, songs=songs)
            found = _transfer(fold, genres, make)
            lines.append({"artists": size[0], "songs": songs, "learned": size[1], **found})
    table = pd.DataFrame(lines)
    table.to_csv(paths.output / "curve.csv", index=False)
    last = table.iloc[-1]
    return {name: float(last[name]) for name in ("factors_auc", "artist_auc", "genre_auc") if name in table}


def _vectors(fold: Fold, settings: Any, artists: int, songs: int) -> NDArray[np.float32]:
    examples = partial(artist_examples, fold, artists, songs)
    return trained_vectors(fold, f"{artists}-artists-{songs}-songs", settings, examples)


def _transfer(fold: Fold, genres: TagFold | None, vectors: OfSongs) -> dict[str, float]:
    k = fold.params.evaluation.k
    found = {
        "factors_auc": measure(to_factors(fold, vectors), fold.cold_start, k).value("auc"),
        "artist_auc": measure(by_cosine(fold, vectors), same_artist(fold), k).value("auc"),
    }
    if genres is not None:
        of_task = vectors(fold)[positions_of(fold.songs[SONG_ID], genres.task.songs[SONG_ID])]
        scores, asked = linear_head(genres, of_task), genres.test
        labels, artists = genres.task.labels[asked], genres.task.artists[asked]
        found["genre_auc"] = tag_metrics(scores, labels, artists, genres.judged).value("auc")
    return {name: round(value, 6) for name, value in found.items()}
