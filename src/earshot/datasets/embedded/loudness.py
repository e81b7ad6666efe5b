"""Equal loudness and a soft ceiling."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.embedded.instruments import SAMPLE_RATE, Samples

TARGET_LUFS = -18.0
CEILING = 0.75
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1, -1.99004745483398, 0.99007225036621))
"""Numerators and denominators of the K filters at 48 kHz."""


def loudness(samples: Samples) -> float:
    """Loudness of the whole, in LUFS (ITU-R BS.1770-4, without gating), mono as one channel."""
    power = np.abs(np.fft.rfft(samples)) ** 2 * _k_weighting(len(samples))
    return float(-0.691 + 10 * np.log10(2 * power.sum() / len(samples) ** 2))


def level(samples: Samples) -> Samples:
    """`samples` at `TARGET_LUFS`, peaks bent to stay below `CEILING`.

    The gain is rounded to 0.01 dB, and so the same on every machine. In units of
    the ceiling, x becomes x - 4/27 x^3 up to 1.5, where it lies flat.
    """
    gain = 10 ** (round(TARGET_LUFS - loudness(samples), 2) / 20)
    bent = np.clip(samples * (round(gain, 6) / CEILING), -1.5, 1.5)
    return CEILING * (bent - bent * bent * bent * (4 / 27))


@lru_cache(maxsize=4)
def _k_weighting(n_samples: int) -> NDArray[np.float64]:
    """Squared response of the two K filters at the frequencies of `rfft`."""
    from scipy.signal import freqz

    hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    responses = [freqz(b, a, worN=hertz, fs=48000)[1] for b, a in (_SHELF, _HIGH_PASS)]
    return np.asarray(np.abs(responses[0] * responses[1]) ** 2)
