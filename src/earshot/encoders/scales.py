"""How far a row of the image may carry: what it is divided by, where it ends, and how loud a song is."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from earshot.audio.rows import ImageFormat

QUANTIZATION_STEP = 1.0
"""Of every stored row: a smaller deviation is rounding, not sound."""
MEDIAN_SHARE = 0.25
"""Of the median row's deviation: the least that a row is divided by."""
MAX_DEVIATIONS = 6.0
"""No row reaches the network farther from its mean."""
MAX_GAIN_DB = 18.0
"""By so much a song may be louder or softer than those trained on, and still be heard as they are."""


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
        weight = torch.zeros_like(scale)
        weight[self.rows] = 1 / scale[self.rows]
        levels = -(apart @ weight) / (weight @ weight)
        return levels.clamp(-self.most, self.most)[:, None] * weight


def gain_of(image_format: ImageFormat, rows: list[int]) -> Gain | None:
    """The gain of the mel rows among `rows`, rows of the format; None where there is none."""
    there = [place for place, row in enumerate(rows) if image_format.rows[row].family == "mel"]
    if not there:
        return None
    return Gain(there, MAX_GAIN_DB / image_format.rows[rows[there[0]]].scale)


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
