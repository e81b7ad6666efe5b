"""Other channels in the image: the same music as if louder, filtered, or out of a lossy codec.

Mel rows are decibels, so a channel that keeps time is a number added to each row, cut off at
the row's range; that is exact for gain and equalizers, and near for low-pass and codecs, whose
upper bands are gone. Rows of other families stay: they do not follow from the mel rows.

On the embedded catalogue a quarter of the windows through channels makes predictions nearly independent of
the channel and costs the cold songs nothing (`benchmarks/elsewhere.py`); half of them cost mAP@500.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.audio.mel import mel_frequencies
from earshot.audio.rows import LEVELS, ImageFormat
from earshot.params import Augment

_EQ_BANDS = 5
"""Points of a random equalizer; between them it is a line."""
_CODEC_LOSS = 0.3
"""Share of the frames in which a codec leaves out its uppermost bands."""


class Channels:
    """Random channels for windows of images.

    Parameters
    ----------
    image_format
        Of the images; those without mel rows stay as they are.
    settings
        How far channels go.
    """

    def __init__(self, image_format: ImageFormat, settings: Augment) -> None:
        self._settings = settings
        there = any(row.family == "mel" for row in image_format.rows)
        self._mel = image_format.row_slice(["mel"]) if there else np.empty(0, np.intp)
        nyquist = image_format.sample_rate / 2
        self._hertz = mel_frequencies(len(self._mel) + 2, nyquist)[1:-1] if there else np.empty(0)
        self._levels_per_db = 1 / np.array([image_format.rows[row].scale for row in self._mel])

    def through(self, windows: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.uint8]:
        """`windows` (n, n_frames, n_rows), a share of them through a channel each."""
        if not len(self._mel):
            return windows
        chosen = np.flatnonzero(draw.random(len(windows)) < self._settings.share)
        changed = windows.copy()
        for window in chosen:
            levels = windows[window][:, self._mel] + self._channel(len(windows[window]), draw)
            changed[window][:, self._mel] = np.clip(np.rint(levels), 0, LEVELS)
        return changed

    def _channel(self, n_frames: int, draw: np.random.Generator) -> NDArray[np.float64]:
        """Levels to add, (n_frames, n_mels): gain and equalizer; half of the time a low-pass or codec too."""
        settings, n_mels = self._settings, len(self._mel)
        points = draw.uniform(-settings.eq_db, settings.eq_db, _EQ_BANDS)
        curve = np.interp(np.linspace(0, _EQ_BANDS - 1, n_mels), np.arange(_EQ_BANDS), points)
        decibels = np.tile(curve + draw.uniform(-settings.gain_db, settings.gain_db), (n_frames, 1))
        kind = draw.integers(4)
        # As likely in each octave, up to the highest band; 60 dB an octave, or all at once.
        cutoff = np.exp(draw.uniform(np.log(settings.low_pass_hz), np.log(self._hertz[-1])))
        above = np.maximum(0.0, np.log2(self._hertz / cutoff))
        if kind == 0:
            decibels -= 60 * above
        elif kind == 1:
            lost = draw.random(n_frames) < _CODEC_LOSS
            decibels[:, above > 0] = -200
            decibels[np.ix_(lost, self._hertz > cutoff / 2)] = -200
        return decibels * self._levels_per_db
