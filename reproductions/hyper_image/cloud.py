"""All songs as points in space that turn under the hand: a canvas and a few lines of JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from earshot.pages.render import render
from earshot.pages.song_map import colour_classes, colour_key

Doubles = NDArray[np.float64]


def three_components(vectors: NDArray[np.floating]) -> Doubles:
    """The first three principal components of (n, d) vectors, (n, 3), 0 in their middle, the farthest 1 away.

    Each has its largest entry positive; those that are not there are 0.
    """
    centred = np.asarray(vectors, dtype=np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)  # (d, d), the largest last
    found = centred @ directions[:, :-4:-1]  # (n, 3) or fewer, the largest first
    found *= np.where(found[np.abs(found).argmax(axis=0), range(found.shape[1])] < 0, -1, 1)
    points = np.pad(found, ((0, 0), (0, 3 - found.shape[1])))
    points -= (points.min(axis=0) + points.max(axis=0)) / 2
    farthest = np.linalg.norm(points, axis=1).max()
    return np.asarray(points / (farthest or 1), dtype=np.float64)


def draw_cloud(points: Doubles, genres: Sequence[str], names: Sequence[str]) -> Markup:
    """The canvas, its key and its data; (n, 3) points in the unit ball, with a genre (or "") and a name."""
    classes = colour_classes(genres)
    rows = [
        [*(round(float(value), 4) for value in point), classes[genre], name]
        for point, genre, name in zip(points, genres, names, strict=True)
    ]
    return render("cloud.html", Path(__file__).parent, points=rows, key=colour_key(genres))
