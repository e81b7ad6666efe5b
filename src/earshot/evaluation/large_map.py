"""The map of `song_map` for more songs than t-SNE can take: of some by t-SNE, the others among these.

t-SNE takes half a minute for 5,000 songs and at least twenty times as long for 100,000 (Barnes and Hut's, on
one thread). So it lays out a sample, the landmarks, and every other song goes where its nearness to these on
the map comes closest to that in the space: to the y that minimises KL(P || Q), with P over its nearest
landmarks, Gaussian of a given perplexity, and Q over all landmarks, 1 / (1 + distance**2), both summing to 1
(eqs. 1, 2 and 4 of van der Maaten and Hinton, 2008, for one point). Landmarks do not move, so that no song
moves another but for how all are stretched to fill the map, and what they push with is one field, worked out
once on a grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.evaluation.song_map import directions, embed, in_per_cent

LANDMARKS = 2000
_NEAREST, _PERPLEXITY = 30, 10.0
_STEPS, _RATE = 50, 0.5
_GRID = 320
_AT_A_TIME = 4096

Floats = NDArray[np.float64]


def lay_out_many(vectors: NDArray[np.floating], landmarks: NDArray[np.int64], seed: int) -> Floats:
    """`(n, 2)` positions in per cent of the map, of `(n, d)` vectors by their directions.

    Parameters
    ----------
    landmarks
        Rows of the songs that t-SNE lays out. Where they are all there are, this is `song_map.lay_out`.
    """
    toward = directions(vectors)
    fixed = embed(toward[landmarks], seed)
    flat = np.empty((len(toward), 2))
    flat[landmarks] = fixed
    others = np.setdiff1d(np.arange(len(toward)), landmarks)
    field = _Field(fixed)
    nearest = toward[landmarks].T.astype(np.float32)
    for first in range(0, len(others), _AT_A_TIME):
        rows = others[first : first + _AT_A_TIME]
        flat[rows] = _settle(toward[rows].astype(np.float32) @ nearest, fixed, field)
    return in_per_cent(flat)


def _settle(cosines: NDArray[np.float32], fixed: Floats, field: _Field) -> Floats:
    """(n, 2): where songs of `cosines`, `(n, n_landmarks)`, come to rest among landmarks at `fixed`."""
    most = min(_NEAREST, len(fixed))
    near = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
    # between directions: |a - b|**2 = 2 - 2 cos
    shares = _shares(2 - 2 * np.take_along_axis(cosines, near, axis=1).astype(np.float64))
    at = fixed[near]  # (n, most, 2)
    places = np.asarray((shares[:, :, None] * at).sum(axis=1))
    for _ in range(_STEPS):
        away = places[:, None] - at
        pull = shares / (1 + (away**2).sum(axis=2))
        places = places - _RATE * ((pull[:, :, None] * away).sum(axis=1) - field.push(places))
    return places


def _shares(squared: Floats) -> Floats:
    """P of each row of squared distances, `(n, m)`: Gaussian, as wide as gives the perplexity (2**entropy).

    Found by halving, as in t-SNE; where there are hardly more landmarks than that, as wide as need be.
    """
    squared = squared - squared.min(axis=1, keepdims=True)
    wanted = np.log(min(_PERPLEXITY, squared.shape[1] / 2))
    low, high = np.full(len(squared), -10.0), np.full(len(squared), 25.0)  # of log of 1 / (2 width**2)
    for _ in range(30):
        middle = (low + high) / 2
        shares = np.exp(-squared * np.exp(middle)[:, None])
        shares /= shares.sum(axis=1, keepdims=True)
        entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1)
        flat = entropy > wanted
        low, high = np.where(flat, middle, low), np.where(flat, high, middle)
    return np.asarray(shares)


class _Field:
    """What landmarks push a song with: sum of (1 + d**2)**-2 (y - y_j) over sum of 1 / (1 + d**2)."""

    def __init__(self, fixed: Floats) -> None:
        low, high = fixed.min(axis=0) - 1, fixed.max(axis=0) + 1
        self._low, self._step = low, (high - low) / (_GRID - 1)
        lines = [low[axis] + self._step[axis] * np.arange(_GRID) for axis in (0, 1)]
        self._pushes = np.empty((_GRID, _GRID, 2))
        for column, x in enumerate(lines[0]):
            across, along = x - fixed[:, 0], lines[1][:, None] - fixed[:, 1]  # (m,), (_GRID, m)
            kernel = 1 / (1 + across**2 + along**2)
            total, squared = kernel.sum(axis=1), kernel**2
            self._pushes[column, :, 0] = (squared @ across) / total
            self._pushes[column, :, 1] = np.einsum("gm,gm->g", squared, along) / total

    def push(self, places: Floats) -> Floats:
        """(n, 2), between the points of the grid by their distances (bilinear); outside as at its edge."""
        at = np.clip((places - self._low) / self._step, 0, _GRID - 1.000001)
        corner = at.astype(np.int64)
        x, y = (at - corner).T[:, :, None]
        left, low = corner.T
        found = (1 - x) * ((1 - y) * self._pushes[left, low] + y * self._pushes[left, low + 1])
        found += x * ((1 - y) * self._pushes[left + 1, low] + y * self._pushes[left + 1, low + 1])
        return np.asarray(found)
