"""How far a row of the image may carry: what it is divided by, where it ends, and how loud a song is."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from earshot.store.rows import ImageFormat

QUANTIZATION_STEP = 1.0
"""Of every stored row: a smaller deviation is rounding, not sound."""
MEDIAN_SHARE = 0.25
"""Of the median row's deviation: the least that a row is divided by."""
MAX_DEVIATIONS = 6.0
"""No row reaches the network farther from its mean."""
MAX_GAIN_DB = 18.0
"""By so much a song may be louder or softer than those trained on, and still be encoded as they are."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Gain:
    """Rows in decibels: in a louder copy of a song each of them is higher by the same number of levels.

    Attributes
    ----------
    rows
        Which, among the rows that are read.
    most
        Levels that are taken for gain at most, up or down.
    """

    rows: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=10_000)]
    most: Annotated[float, Field(gt=0)]

    def correction(self, apart: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """What brings songs or windows nearest to the mean by gain alone (least squares), to be added.

        Parameters
        ----------
        apart
            (n, n_rows), mean of each row, in deviations `scale` from its mean in training.
        scale
            (n_rows,), in levels.

        Returns
        -------
        (n, n_rows), in deviations; nothing in other rows.

        Example
        -------
        >>> louder = torch.tensor([[5.0, 2.5, 1.0]])  # ten levels, in the first two rows
        >>> Gain([0, 1], most=46.0).correction(louder, torch.tensor([2.0, 4.0, 1.0]))
        tensor([[-5.0000, -2.5000, -0.0000]])
        """
        weight = torch.zeros_like(scale)  # what a level of gain is in deviations, (n_rows,)
        first, end = self.rows[0], self.rows[-1] + 1
        # a list would be copied to a GPU, which waits for it
        rows = slice(first, end) if self.rows == [*range(first, end)] else self.rows
        weight[rows] = 1 / scale[rows]
        # least of |apart + levels * weight|^2, (n,). No matrix product: on some processors its last digit
        # hangs on how many windows are beside one, and a window is to sound alike in every batch
        levels = -(apart * weight).sum(dim=1) / (weight * weight).sum()
        return levels.clamp(-self.most, self.most)[:, None] * weight


def gain_of(image_format: ImageFormat, rows: list[int]) -> Gain | None:
    """The gain of the mel rows among `rows`, rows of the format; None where there is none."""
    there = [place for place, row in enumerate(rows) if image_format.rows[row].family == "mel"]
    if not there:
        return None
    return Gain(there, MAX_GAIN_DB / image_format.rows[rows[there[0]]].scale)  # dB to levels


def floored(scale: torch.Tensor) -> torch.Tensor:
    """Deviations of rows, (n_rows,), that rows may be divided by.

    None is below `QUANTIZATION_STEP` or `MEDIAN_SHARE` of the median row's; rows that do
    not vary (at most a step) are left out of the median. A row of a catalogue of low-pass
    previews had a deviation of 0.4 steps, the next smallest 27: full-band music, at 58 +- 46
    there, reached the network with over 100 deviations, all in the same place. Applied twice
    it changes nothing more.

    Example
    -------
    >>> floored(torch.tensor([0.0, 0.4, 27.0, 32.0, 40.0]))
    tensor([ 8.,  8., 27., 32., 40.])
    """
    varying = scale[scale > QUANTIZATION_STEP]
    median = float(varying.median()) if len(varying) else 0.0  # one of them: a mean of two would move
    return scale.clamp(min=max(QUANTIZATION_STEP, MEDIAN_SHARE * median))


Vectors = NDArray[np.float32]
Doubles = NDArray[np.float64]

MARGIN = 1.1
"""Nearly all songs lie within it of the farthest trained on when they come out of lossy codecs, filtered or
louder; noise, a siren, clicks and speech at 1.5 times and more (`benchmarks/elsewhere.py`)."""
_Numbers = Annotated[list[float], Field(max_length=20_000)]
_Limit = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Familiar:
    """What the songs trained on sound like, and what was predicted for them.

    Attributes
    ----------
    mean
        Of their predictions, (n_outputs,).
    longest
        Length of the longest of these.
    sound, spread
        Mean and standard deviation, over the songs, of `song_sound`, (2 * n_rows,).
    farthest
        How far from `sound` a song may be, as `distances` measures it.
    gain
        By which songs are brought to one loudness before; None in files older than this.
    """

    mean: _Numbers
    longest: _Limit
    sound: _Numbers
    spread: Annotated[list[_Limit], Field(max_length=20_000)]
    farthest: _Limit
    gain: Gain | None = None

    def distances(self, sounds: Doubles) -> Doubles:
        """Root mean square of `song_sound`s, (n, 2 * n_rows), in deviations between the known songs, (n,)."""
        return _distances(sounds, np.array(self.sound), np.array(self.spread), self.gain)

    def unlike(self, vectors: Vectors, sounds: Doubles) -> Vectors:
        """How far outside songs are, (n,): above 1 beyond the songs trained on, in length or in sound."""
        lengths = _lengths(vectors.astype(np.float64))[:, 0]
        farther = np.maximum(lengths / self.longest, self.distances(sounds) / self.farthest)
        return farther.astype(np.float32)

    def shrink(self, vectors: Vectors, unlike: Vectors) -> Vectors:
        """Predictions (n, n_outputs), those outside taken to 1 / unlike^2 of their way from the mean.

        At the edge nothing changes, far out the mean is left. None gets longer than it was,
        and those inside keep their bytes.

        Example
        -------
        >>> songs = Familiar(mean=[1.0, 0.0], longest=2.0, sound=[0.0, 0.0], spread=[1.0, 1.0], farthest=1.0)
        >>> songs.shrink(np.array([[2, 0], [5, 0], [5, 0]], np.float32), np.array([1, 2, 100], np.float32))
        array([[2.    , 0.    ],
               [2.    , 0.    ],
               [1.0004, 0.    ]], dtype=float32)
        """
        mean, outside = np.array(self.mean), unlike > 1
        # (n_outside, n_outputs), (n_outside, 1)
        far, share = vectors[outside].astype(np.float64), unlike[outside, None].astype(np.float64) ** -2
        nearer = mean + share * (far - mean)
        longer = _lengths(nearer) / np.maximum(_lengths(far), np.finfo(np.float32).tiny)
        settled = vectors.copy()
        settled[outside] = nearer / np.maximum(longer, 1)
        return settled


def familiarize(vectors: Vectors, sounds: Doubles, gain: Gain | None = None) -> Familiar:
    """What to keep of the songs trained on, at least one: their predictions and `song_sound`s, a row each.

    A spread that is next to nothing is floored as row scales are. A song may be `MARGIN` times as far as
    the farthest of them.
    """
    mean, sound = vectors.mean(axis=0, dtype=np.float64), sounds.mean(axis=0)
    # means and deviations of rows are floored apart, each by a median of their own
    spread = np.concatenate([floored(torch.from_numpy(part)) for part in np.split(sounds.std(axis=0), 2)])
    farthest = MARGIN * _distances(sounds, sound, spread, gain).max()
    tiny = float(np.finfo(np.float32).tiny)
    return Familiar(
        mean.tolist(),
        max(tiny, float(_lengths(vectors.astype(np.float64)).max())),
        sound.tolist(),
        spread.tolist(),
        max(tiny, float(farthest)),
        gain,
    )


def _distances(sounds: Doubles, mean: Doubles, spread: Doubles, gain: Gain | None) -> Doubles:
    apart, n_rows = (sounds - mean) / spread, len(mean) // 2  # (n, 2 * n_rows): means, then deviations
    if gain is not None:
        means, spreads = torch.from_numpy(apart[:, :n_rows]), torch.from_numpy(spread[:n_rows])
        # in decibels gain moves means, and no deviation
        apart[:, :n_rows] += gain.correction(means, spreads).numpy()
    distances: Doubles = np.sqrt((apart**2).mean(axis=1))
    return distances


def song_sound(windows: NDArray[np.uint8], owners: NDArray[np.int64]) -> Doubles:
    """Mean and standard deviation of every row over the frames of a song, in stored levels.

    Parameters
    ----------
    windows
        (n_windows, n_frames, n_rows), those of a song one after another.
    owners
        (n_windows,): the song of each window, 0, 1, ...; each has at least one.

    Returns
    -------
    (n_songs, 2 * n_rows)
    """
    levels = windows.astype(np.float32)
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))  # each song's first window: owners are ascending
    counts = np.diff(firsts, append=len(owners))[:, None] * windows.shape[1]  # its frames, (n_songs, 1)
    # over frames, (n_windows, n_rows), then over the windows from each first to the next, (n_songs, n_rows)
    sums = [np.add.reduceat(each.sum(axis=1, dtype=np.float64), firsts) for each in (levels, levels**2)]
    mean, square = (each / counts for each in sums)
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))], axis=1)  # rounding may go below 0


def _lengths(vectors: Doubles) -> Doubles:
    """(n, 1)"""
    return np.asarray(np.linalg.norm(vectors, axis=1, keepdims=True))
