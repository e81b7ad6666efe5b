"""Tonnetz: chroma as a point in the space of fifths and thirds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AXES = ("fifths_x", "fifths_y", "minor_thirds_x", "minor_thirds_y", "major_thirds_x", "major_thirds_y")

# what a semitone turns by, in pi: so a fifth turns by 30 degrees, thirds by 90 and 120
_ANGLES = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])
_PHASES = np.array([0.5, 0.0, 0.5, 0.0, 0.5, 0.0])  # cos(a - pi / 2) = sin(a): x is a sine, y a cosine
_RADII = np.array([1.0, 1.0, 1.0, 1.0, 0.5, 0.5])  # of the circles of fifths, minor thirds, major thirds


def tonnetz(chroma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Tonal centroid of each frame, `(n_frames, 12)` to `(n_frames, 6)` (Harte, Sandler, Gasser 2006).

    `librosa.feature.tonnetz(chroma=chroma.T)`; the axes are `AXES`.
    """
    angles = np.pi * (_ANGLES * np.arange(12)[:, None] - _PHASES)  # (12, 6): of each pitch class on each axis
    directions = (_RADII * np.cos(angles)).astype(np.float32)
    sums = chroma.sum(axis=1, keepdims=True)
    sums[sums < np.finfo(np.float32).tiny] = 1.0  # silence lies in the middle
    centroids: NDArray[np.float32] = (chroma / sums) @ directions
    return centroids
