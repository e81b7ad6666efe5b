"""What sounds like a song, and the way from one song to another: by their sound, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.queries.images import read_index
from earshot.queries.screening import Asked
from earshot.queries.sounds import Sounds, read_sounds
from earshot.queries.state import ServedState
from earshot.recommend.similar import unit

MOST_BETWEEN = 1000
"""Songs that a path is looked for among."""

Rows = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class SonicMatch:
    """A song and how similar it is to the one that was asked for, of `similarity`."""

    song_id: str
    similarity: float


def similarity(cosine: float) -> float:
    """(1 + cosine) / 2: 1 of the same direction, 0 of the opposite one.

    >>> similarity(1.0), similarity(0.0), similarity(-1.0)
    (1.0, 0.5, 0.0)
    """
    return min(max((1 + cosine) / 2, 0.0), 1.0)


@dataclass(frozen=True)
class Sonic:
    """A served state made ready for questions of sound, to be kept where many come.

    Attributes
    ----------
    sounds
        What is predicted of its songs; None where an older version served, which cannot answer.
    """

    served: ServedState
    sounds: Sounds | None

    @classmethod
    def of(cls, served: ServedState) -> Sonic:
        """Of what is served. Raises UserError where a file is lost."""
        return cls(served, read_sounds(served, read_index(served)))

    def alike(self, song: str, count: int) -> list[SonicMatch]:
        """The `count` songs that sound most like `song`, which is not among them; no withdrawn one.

        Raises UserError for a song that was not heard.
        """
        sounds = self._heard()
        place = self._place(sounds, song)
        left_out = np.union1d(np.flatnonzero(~self.served.is_listed[sounds.rows]), place)
        (best,) = sounds.screen.best([Asked(sounds.screen.vectors[place], left_out, count)])
        songs = self.served.song_ids[sounds.rows[best.items]]
        return [
            SonicMatch(song_id, similarity(float(cosine)))
            for song_id, cosine in zip(songs, best.scores, strict=True)
        ]

    def path(self, start: str, end: str, count: int) -> list[SonicMatch]:
        """A way from `start` to `end` of at most `count` songs, these two among them; as `find_path` says.

        Among the `MOST_BETWEEN` songs that are least out of the way, by the sum of their angles to both ends.
        Each with its similarity to `start`. Raises UserError for a song that was not heard.
        """
        sounds = self._heard()
        first, last = (self._place(sounds, song) for song in (start, end))
        if first == last:
            return [SonicMatch(start, 1.0)]
        places = self._between(sounds, first, last)
        path = places[find_path(unit(sounds.screen.vectors[places]), count)]
        cosines = unit(sounds.screen.vectors[path]) @ unit(sounds.screen.vectors[first])
        songs = self.served.song_ids[sounds.rows[path]]
        return [
            SonicMatch(song_id, similarity(float(cosine)))
            for song_id, cosine in zip(songs, [1.0, *cosines[1:]], strict=True)
        ]

    def _between(self, sounds: Sounds, first: int, last: int) -> Rows:
        """The two ends, in the first and the last place, and songs that are not withdrawn."""
        vectors = sounds.screen.vectors
        cosines = np.clip(vectors @ vectors[[first, last]].T, -1, 1)  # (n_heard, 2)
        detours = np.arccos(cosines).sum(axis=1)
        detours[~self.served.is_listed[sounds.rows]] = np.inf
        detours[[first, last]] = np.inf
        nearest = np.argsort(detours, kind="stable")[:MOST_BETWEEN]
        return np.array([first, *np.sort(nearest[np.isfinite(detours[nearest])]), last])

    def _heard(self) -> Sounds:
        if self.sounds is None:
            raise UserError("what is served was made by an older version: `dvc repro` serves it anew")
        return self.sounds

    def _place(self, sounds: Sounds, song: str) -> int:
        row = self.served.song_row(song)
        if row is None or sounds.places[row] < 0:
            raise UserError(f"song {song!r} was not heard, so nothing is known of its sound")
        return int(sounds.places[row])


def find_path(vectors: Numbers, count: int) -> Rows:
    """The smoothest way from the first of some songs to the last.

    Every step goes on: with a the first song, b the last, s . (b - a) grows; and no step is less similar than
    a and b are. Of such ways the longest of at most `count` songs, and of these the one with the least sum
    of squared angles, that is, of steps as even as there are.

    Parameters
    ----------
    vectors
        Directions of the songs, `(n, d)`, of length 1.
    count
        At least 2.

    Returns
    -------
    Which songs, in their order. The two ends alone where there is no song between.

    Example
    -------
    >>> angles = np.radians([0, 10, 30, 58, 60, 90])
    >>> find_path(np.stack([np.cos(angles), np.sin(angles)], axis=1), 4)
    array([0, 2, 4, 5])
    """
    cosines = vectors @ vectors.T
    onward = cosines[:, -1] - cosines[:, 0]
    # row: where a step begins; a song that lies before the start or behind the end is on no way
    allowed = (cosines >= cosines[0, -1]) & (onward[:, None] < onward)
    costs = np.where(allowed, np.arccos(np.clip(cosines, -1, 1)) ** 2, np.inf)
    costs[0, -1] = np.arccos(np.clip(cosines[0, -1], -1, 1)) ** 2
    least = np.where(np.arange(len(vectors)) == 0, 0.0, np.inf)
    before: list[Rows] = []
    longest = 0
    for n_steps in range(1, min(count, len(vectors))):
        sums = least[:, None] + costs
        before.append(sums.argmin(axis=0))
        least = sums.min(axis=0)
        if np.isfinite(least[-1]):
            longest = n_steps
    path = [len(vectors) - 1]
    for origins in reversed(before[:longest]):
        path.append(int(origins[path[-1]]))
    return np.array(path[::-1])
