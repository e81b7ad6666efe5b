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

Rows = NDArray[np.int64]


class Name(NamedTuple):
    """A tag, the middle of the region that it names and its standard deviation down, in positions of the map,
    and how many songs of the region have the tag."""

    level: int
    x: int
    y: int
    spread: int
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
    found: list[Name] = []
    for level in range(LEVELS):
        across = _CELLS << level
        cells = places.astype(np.int64) * across // WORLD  # (n, 2)
        numbers = cells[:, 0] * across + cells[:, 1]
        tag_of = _tags_of_cells(numbers, songs, tags, len(spelt), across * across)
        having = songs[tag_of[numbers[songs]] == tags]
        found += _regions(tag_of.reshape(across, across), cells[having], places[having], spelt, level)
    return found


def _tags(genres: Sequence[str]) -> tuple[Rows, Rows, list[str]]:
    """Songs and tags of every pair of them, `(n_pairs,)` each, and how the tags are written first."""
    known: dict[str, int] = {}
    spelt, pairs = [], set()
    for song, line in enumerate(genres):
        for tag in line.split(";"):
            key = match_key(tag)
            if key and key not in known:
                known[key] = len(known)
                spelt.append(tag.strip())
            if key:
                pairs.add((song, known[key]))
    songs, tags = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    return songs, tags, spelt


def _tags_of_cells(cell: Rows, songs: Rows, tags: Rows, n_tags: int, n_cells: int) -> Rows:
    """(n_cells,): the tag of each cell; -1 where none marks it off. `cell` (n,) is that of each song."""
    in_cell, overall = np.bincount(cell, minlength=n_cells), np.bincount(tags, minlength=n_tags)
    pairs, having = np.unique(cell[songs] * n_tags + tags, return_counts=True)
    where, tag = np.divmod(pairs, max(n_tags, 1))
    share = having / in_cell[where]
    gain = having * np.log(share / (overall[tag] / len(cell)))
    gain[(having < _FEWEST) | (share < _SHARE)] = -1
    order = np.argsort(gain, kind="stable")  # of a cell's tags the last one written stays
    order = order[gain[order] >= 0]
    found = np.full(n_cells, -1)
    found[where[order]] = tag[order]
    return found


def _regions(
    tag_of: Rows, cells: Rows, places: NDArray[np.uint16], spelt: Sequence[str], level: int
) -> list[Name]:
    """Names of the regions of a level.

    `tag_of` is (across, across); `cells` and `places`, (m, 2) each, are of songs that have their cell's tag.
    """
    found = []
    for tag in np.unique(tag_of[tag_of >= 0]).tolist():
        regions, n_regions = ndimage.label(tag_of == tag, np.ones((3, 3)))  # corners touch
        here = np.flatnonzero(tag_of[tuple(cells.T)] == tag)
        region = regions[tuple(cells[here].T)]
        count, across, down, squared = (
            np.bincount(region, weights, n_regions + 1)[1:]
            for weights in (None, *places[here].T, places[here, 1].astype(float) ** 2)
        )
        deviation = np.sqrt(np.maximum(squared / count - (down / count) ** 2, 0))
        numbers = (
            np.rint(np.column_stack([across / count, down / count, deviation, count])).astype(int).tolist()
        )
        found += [Name(level, x, y, spread, spelt[tag], songs) for x, y, spread, songs in numbers]
    return sorted(found, key=lambda name: (-name.songs, name.tag, name.x, name.y))
