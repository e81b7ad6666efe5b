"""Where an artist's other songs are in the taste space, which an encoder may be told of a song."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.files import write_table

ARTIST = "artist"
"""The family that an encoder is given these vectors of, in place of its words."""
ARTISTS = "encoder.artists.npy", "encoder.artists.parquet"
ARTIST_NAME = "name"
"""The files of a checkpoint with the vectors, and whose they are in a column of that name."""


@dataclass(frozen=True)
class ArtistVectors:
    """A vector for each artist, and for each song learned from, which has its artist's without itself.

    With the item factors of the artist's n other songs, of mean m, and with mean c and deviation s of the
    factors of all songs, the vector is

        (m - c) / s * n / (n + 1),  n / (n + 1)

    so that an artist of few songs is shrunk to the mean of all, and one who is not known is zeros.

    Attributes
    ----------
    names
        (n,): an artist as `artist:<artist_id>`, a song as `song:<song_id>`.
    vectors
        float32 (n, factors + 1).
    """

    names: NDArray[np.object_]
    vectors: NDArray[np.float32]

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.names)}

    def of(self, song_ids: Sequence[str], artists: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Those of some songs, float32 (n, factors + 1); `artists` are what the family says of them."""
        found = np.zeros((len(song_ids), self.width), np.float32)
        for place, (song_id, named) in enumerate(zip(song_ids, artists, strict=True)):
            if named:  # a song whose artist was taken back has none, also where it was learned from
                row = self._rows.get(f"song:{song_id}", self._rows.get(f"artist:{named[0]}"))
                if row is not None:
                    found[place] = self.vectors[row]
        return found

    def save(self, folder: Path) -> None:
        """Write `ARTISTS` into `folder`."""
        import pandas as pd

        np.save(folder / ARTISTS[0], self.vectors)
        write_table(folder / ARTISTS[1], pd.DataFrame({ARTIST_NAME: self.names}, dtype=str))


def read_artist_vectors(folder: Path) -> ArtistVectors:
    """What `ArtistVectors.save` wrote into `folder`: vectors (n, factors + 1) and their names.

    UserError where it is not there, or does not fit.
    """
    import pandas as pd

    array, table = (folder / name for name in ARTISTS)
    try:
        names = pd.read_parquet(table)[ARTIST_NAME].to_numpy(dtype=object)
        vectors = np.load(array, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{array}: not the artists' vectors of a checkpoint: {error}") from None
    if vectors.ndim != 2 or len(vectors) != len(names) or vectors.dtype != np.float32:
        raise UserError(
            f"{array}: {vectors.dtype} {vectors.shape}: wanted float32, a row for each of {len(names)}"
        )
    return ArtistVectors(names, vectors)


def artist_vectors(
    song_ids: Sequence[str], artists: Sequence[Sequence[str]], factors: NDArray[np.float32]
) -> ArtistVectors:
    """Of the songs learned from.

    Parameters
    ----------
    song_ids
        (n,).
    artists
        (n,), what the family says of each.
    factors
        float32 (n, factors), their item factors.

    Example
    -------
    Factors 1, 3 of two songs of one artist: the mean is 2, the deviation 1, so that each has the other's
    place, 1 or -1, by a half, and a new song of the artist the mean of the two by two thirds.

    >>> found = artist_vectors(["s", "t"], [["a"], ["a"]], np.array([[1], [3]], np.float32))
    >>> found.of(["s", "t", "new", "other"], [["a"], ["a"], ["a"], ["b"]]).round(2)
    array([[ 0.5 ,  0.5 ],
           [-0.5 ,  0.5 ],
           [ 0.  ,  0.67],
           [ 0.  ,  0.  ]], dtype=float32)
    """
    centred = factors - factors.mean(axis=0, dtype=np.float64)
    centred /= max(float(np.sqrt((centred**2).mean())), np.finfo(np.float32).tiny)
    named = np.array([row for row, names in enumerate(artists) if names], np.intp)
    unique, artist = np.unique(
        np.array([artists[row][0] for row in named], dtype=object), return_inverse=True
    )
    sums = np.zeros((len(unique), factors.shape[1]))
    np.add.at(sums, artist, centred[named])
    counts = np.bincount(artist, minlength=len(unique))
    without = _shrunk(sums[artist] - centred[named], counts[artist] - 1)
    names = [*(f"artist:{name}" for name in unique), *(f"song:{song_ids[row]}" for row in named)]
    return ArtistVectors(np.array(names, dtype=object), np.concatenate([_shrunk(sums, counts), without]))


def _shrunk(sums: NDArray[np.float64], counts: NDArray[np.integer]) -> NDArray[np.float32]:
    """(n, factors + 1): mean times count / (count + 1), which is the sum by one more; then that share."""
    more = counts[:, None] + 1
    return np.hstack([sums / more, counts[:, None] / more]).astype(np.float32)
