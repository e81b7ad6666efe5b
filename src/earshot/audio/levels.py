"""How loud a recording is, second by second, in the one channel that its hyper-image is made of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from earshot.audio.samples import AudioError, Samples

SILENT_DBFS = -60.0
"""Seconds whose peak stays below are silence."""

SHORTEST_SILENCE = 2
"""Seconds; shorter ones are rests."""

MOST_SILENCES = 100
"""The longest are kept."""

_FULL_SCALE = np.float32(1 - 2**-15)  # 32,767 / 32,768: the largest sample of 16 bits
_FAINTEST = 1e-10
_LARGEST = 1e10
"""Beyond, powers leave the range of float32."""
_CANCELLED = 0.01
"""Share of the power that unrelated channels leave in their mean, below which they cancel out (-20 dB)."""


class LevelMeter:
    """What was measured of a recording so far.

    Attributes
    ----------
    n_samples, channels
        Of all blocks.
    """

    def __init__(self, sample_rate: int) -> None:
        self.n_samples, self.channels = 0, 0
        self._sample_rate = sample_rate
        self._clipped = 0
        self._power: NDArray[np.float64] = np.zeros(0)
        self._peaks: list[NDArray[np.float32]] = []

    def add(self, block: Samples) -> None:
        """Measure the next samples, `(n_samples, channels)`.

        Raises AudioError over samples that are no numbers.
        """
        if not self.n_samples:
            self.channels = block.shape[1]
            self._power = np.zeros(self.channels + 1)  # of each channel, and last of their mean
        while len(block):
            into_second = self.n_samples % self._sample_rate
            if not into_second:
                self._peaks.append(np.zeros(self.channels + 1, np.float32))
            # to the end of the current second, and the rest
            part, block = np.split(block, [self._sample_rate - into_second])
            self._add_within_second(part)

    @np.errstate(over="ignore", invalid="ignore")  # what overflows is refused
    def _add_within_second(self, block: Samples) -> None:
        self.n_samples += len(block)
        # the channels and last their mean, each contiguous, (channels + 1, n_samples)
        planes = np.empty((self.channels + 1, len(block)), np.float32)
        planes[:-1] = block.T
        np.mean(planes[:-1], axis=0, out=planes[-1])
        peaks = np.maximum(planes.max(axis=1), -planes.min(axis=1))  # largest |sample|, (channels + 1,)
        loudest = float(peaks[:-1].max())
        if not np.isfinite(loudest):
            raise AudioError("not finite: it holds samples that are no numbers")
        if loudest > _LARGEST:
            raise AudioError("not finite: its samples are too large")
        if loudest >= _FULL_SCALE:
            self._clipped += int(np.count_nonzero(np.abs(block) >= _FULL_SCALE))
        np.maximum(self._peaks[-1], peaks, out=self._peaks[-1])
        if self.channels > 1:
            self._power += [float(plane @ plane) for plane in planes]

    @property
    def seconds(self) -> float:
        """Duration of all blocks so far, in seconds."""
        return self.n_samples / self._sample_rate

    @property
    def peak_dbfs(self) -> float:
        """Largest absolute sample in dB of full scale; -200 is silence."""
        return _decibels(max(float(peaks[:-1].max()) for peaks in self._peaks))

    @property
    def clipped_share(self) -> float:
        """Share of samples at full scale or beyond."""
        return self._clipped / (self.n_samples * self.channels)

    @property
    def channel(self) -> int | None:
        """The loudest channel where all of them cancel each other out in their mean, else None."""
        channels, mean = self._power[:-1], self._power[-1]
        # the mean of n unrelated channels has the sum of their powers / n^2
        unrelated = channels.sum() / self.channels**2
        if self.channels == 1 or mean >= _CANCELLED * unrelated:
            return None
        return int(channels.argmax())

    @property
    def heard_dbfs(self) -> float:
        """Peak of the mean of the channels, or of `channel`, in dB of full scale."""
        return _decibels(float(self._channel_peaks().max()))

    @property
    def silences(self) -> str | None:
        """Where it is silent, in whole seconds: `0-12 95-300`; None where there is no such place."""
        silent = 20 * np.log10(np.maximum(self._channel_peaks(), _FAINTEST)) < SILENT_DBFS
        stretches = [stretch for stretch in _stretches(silent) if stretch[1] - stretch[0] >= SHORTEST_SILENCE]
        # key: begin - end, so that the longest come first
        longest = sorted(stretches, key=lambda stretch: stretch[0] - stretch[1])[:MOST_SILENCES]
        return " ".join(f"{begin}-{end}" for begin, end in sorted(longest)) or None

    def _channel_peaks(self) -> NDArray[np.float32]:
        """A second each."""
        channel = -1 if self.channel is None else self.channel
        return np.array([peaks[channel] for peaks in self._peaks])


def _decibels(peak: float) -> float:
    return float(20 * np.log10(max(peak, _FAINTEST)))


def _stretches(silent: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and end of each run of True."""
    # padded with False, so that each run has both edges: begin, end, begin, end, ...
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(begin), int(end)
