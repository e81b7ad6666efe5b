"""A space of sound alone: songs lie where the statistics of their hyper-images put them; no play was needed.

Three numbers a row of the image (`earshot.extraction.statistics.row_statistics`) are each brought to mean 0
and deviation 1 over the songs of the catalogue, and turned onto the 128 directions in which these vary most:
the cosine of two songs stays what it was before, but for what is left out. To divide by the deviation along
each direction too (whitening) was tried: of the ten nearest songs by other artists fewer are of the same
genre (`python benchmarks/sound_alone.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.files import replace_arrays
from earshot.recommend.similar import unit
from earshot.spaces.placing import Ids, Placed, Vectors, columns_of

if TYPE_CHECKING:
    from earshot.catalogue.play_counts import PlayCounts
    from earshot.spaces.explaining import Explainer

DIRECTIONS = 128
_BLOCK = 4096
"""Songs that are turned at once."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class SoundSpace:
    """Where a sound lies.

    Attributes
    ----------
    mean, deviation
        (n_statistics,), over the songs of the catalogue; the deviation of what is the same in all is 1.
    directions
        (n_statistics, d), orthonormal, that along which songs vary most first.
    """

    kind: ClassVar[str] = "sound"
    mean: Doubles
    deviation: Doubles
    directions: Doubles

    @classmethod
    def of(cls, statistics: Vectors) -> SoundSpace:
        """Of the songs of a catalogue, float32 (n_songs, n_statistics), one at least."""
        mean = statistics.mean(axis=0, dtype=np.float64)
        deviation = statistics.std(axis=0, dtype=np.float64)
        deviation[deviation == 0] = 1
        products = np.zeros((len(mean), len(mean)))
        for first in range(0, len(statistics), _BLOCK):
            block = (statistics[first : first + _BLOCK] - mean) / deviation
            products += block.T @ block
        _, directions = np.linalg.eigh(products)  # that along which songs vary most comes last
        return cls(mean, deviation, directions[:, ::-1][:, :DIRECTIONS])

    @classmethod
    def read(cls, file: Path) -> SoundSpace:
        """What `write` wrote. UserError for another file."""
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return cls(*(arrays[name] for name in ("mean", "deviation", "directions")))
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{file}: no space of sound: {error}") from None

    def write(self, file: Path) -> None:
        """Write it as .npz."""
        replace_arrays(file, mean=self.mean, deviation=self.deviation, directions=self.directions)

    def place(self, statistics: Vectors) -> Vectors:
        """Where songs lie by their statistics, float32 (n, n_statistics): float32 (n, d), of length 1.

        A song that is in all the mean lies nowhere: zeros.
        """
        blocks = [
            unit((statistics[first : first + _BLOCK] - self.mean) / self.deviation @ self.directions)
            for first in range(0, len(statistics), _BLOCK)
        ]
        return np.concatenate(blocks).astype(np.float32)

    def training_listeners(self) -> Placed:
        """Nobody."""
        return Placed(np.empty(0, dtype=object), np.empty((0, self.directions.shape[1]), np.float32))

    def training_songs(self) -> Placed:
        """None: nothing was trained."""
        return self.training_listeners()

    def place_songs(
        self, ids: Ids, predicted: Vectors | None, plays: PlayCounts | None, n0: float | None
    ) -> Placed:
        """Where they sound, whoever plays them. ValueError without that."""
        if predicted is None:
            raise ValueError(f"predicted=None: wanted where {len(ids)} songs are by their sound")
        return Placed(ids, predicted)

    def place_listeners(self, plays: PlayCounts, songs: Placed) -> Placed:
        """The mean direction of the songs that each has played, of length 1, however often; zeros of none."""
        played = columns_of(plays.matrix, plays.song_ids, songs.ids)
        played.data[:] = 1
        middle = unit(played @ unit(songs.vectors))
        return Placed(plays.user_ids, middle.astype(np.float32))

    def explainer(self, songs: Placed) -> Explainer:
        """UserError: nobody is placed by plays."""
        raise UserError(f"{len(songs.ids)} songs are placed by their sound alone: no play explains a score")
