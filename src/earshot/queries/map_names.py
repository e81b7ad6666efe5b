"""What regions of the map are called: by the tag that marks them off from the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from earshot.datasets.importing.names import match_key
from earshot.queries.song_map import WORLD

LEVELS = 5
"""Level 0 is for the whole map; at each next one it is seen twice as large."""
_CELLS = 12
_FEWEST, _SHARE = 3, 0.3


class Name(NamedTuple):
    """A tag, and the region that it names: its middle (as positions of the map), and how many songs have it."""

    level: int
    x: int
    y: int
    tag: str
    songs: int


def name_regions(places: NDArray[np.uint16], genres: Sequence[str]) -> list[Name]:
    """Names for each level, those of most songs first.

    The map is cut into 12 x 2**level cells across and down. A cell has the tag with the largest
    n log(share / share of all songs), n songs of it having the tag, of those that 30 % of its songs have and
    three at least; cells side by side with the same tag are one region.

    Parameters
    ----------
    places
        uint16 (n, 2).
    genres
        (n,): `;`-separated tags.
    """
    songs, tags, spelt = _tags(genres)
    found = []
    for level in range(LEVELS):
        across = _CELLS << level
        cells = places.astype(np.int64) * across // WORLD  # (n, 2)
        cell = cells[:, 0] * across + cells[:, 1]
        best = _best_tags(cell, songs, tags, len(spelt)).get
        chosen = np.full(across * across, -1)
        winners = best(across * across)
        chosen[: len(winners)] = winners
        has_it = chosen[cell[songs]] == tags
        found += _regions(chosen.reshape(across, across), cells[songs[has_it]], places[songs[has_it]], spelt, level)
    return found
