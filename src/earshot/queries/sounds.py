"""Where songs are by their sound alone: what the encoder that serves predicts of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.columns import SONG_ID
from earshot.queries.links import linked
from earshot.queries.screening import Screen
from earshot.queries.served_files import SERVED
from earshot.queries.state import ServedState
from earshot.recommend.encoding import NAMES, read_encoded
from earshot.recommend.similar import unit
from earshot.store.reader import HyperImageStore


@dataclass(frozen=True)
class Sounds:
    """What is predicted of the songs that were heard.

    Attributes
    ----------
    screen
        Of their vectors with a length of 1, `(n_heard, d)`.
    rows
        Of these songs among all that are served, `(n_heard,)`.
    places
        `(n_songs,)`: where a served song stands in the two; -1 for one that was not heard.
    """

    screen: Screen
    rows: NDArray[np.int64]
    places: NDArray[np.int64]


def read_sounds(served: ServedState, index: HyperImageStore) -> Sounds | None:
    """What is predicted of the songs of `index`, of `read_index`. UserError where a file is lost.

    None where an older version served, which did not say which predictions are its encoder's.
    """
    if served.by_sound:
        every = np.arange(len(served.song_ids))
        return Sounds(served.directions, every, every)
    if f"predicted/{NAMES}" not in served.outputs[SERVED].files:
        return None
    with linked(served, SERVED, "predicted/") as folder:
        vectors = read_encoded(index, folder)
    rows = positions_of(served.song_ids, index.songs[SONG_ID])
    vectors, rows = vectors[rows >= 0], rows[rows >= 0]
    places = np.full(len(served.song_ids), -1)
    places[rows] = np.arange(len(rows))
    return Sounds(Screen(unit(vectors).astype(np.float32)), rows, places)
