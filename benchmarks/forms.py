"""A song in another form: encoded by another codec, filtered, louder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from earshot.datasets.embedded.instruments import SAMPLE_RATE

Samples = NDArray[np.float32]
Write = Callable[[Path, Samples], None]
"""Makes a file of mono samples at `SAMPLE_RATE`."""


def encoded(codec: str, kbit: int, rate: int = SAMPLE_RATE) -> Write:
    """Write samples with `codec` at a bit rate, resampled to `rate`."""

    def write(path: Path, samples: Samples) -> None:
        form = {"libmp3lame": "mp3", "libopus": "ogg", "aac": "adts", "pcm_s16le": "wav"}[codec]
        with av.open(str(path), "w", format=form) as container:
            stream = container.add_stream(codec, rate=rate)
            stream.layout, stream.bit_rate = "mono", 1000 * kbit
            stream.open()
            resampler = av.AudioResampler(
                stream.format.name, "mono", rate, frame_size=stream.frame_size or 1024
            )
            frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            for part in [*resampler.resample(frame), *resampler.resample(None), None]:
                container.mux(stream.encode(part))

    return write


def changed(change: Callable[[Samples], NDArray[np.floating]]) -> Write:
    """Write samples, changed and cut off at full scale, as a wave file."""

    def write(path: Path, samples: Samples) -> None:
        WAVE(path, np.clip(change(samples), -1, 1).astype(np.float32))

    return write


def louder(decibels: float) -> Write:
    """Write samples that much louder as a wave file of floats, in which nothing is cut off."""

    def write(path: Path, samples: Samples) -> None:
        gain = np.float32(10 ** (decibels / 20))
        soundfile.write(path, gain * samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")

    return write


def low_pass(hertz: float) -> Write:
    sections = butter(8, hertz, fs=SAMPLE_RATE, output="sos")
    return changed(lambda samples: sosfilt(sections, samples))


def tilt(samples: Samples) -> NDArray[np.floating]:
    """+6 dB below, -6 dB above 1 kHz, gradually."""
    low = sosfilt(butter(1, 1000, fs=SAMPLE_RATE, output="sos"), samples)
    return 2 * low + 0.5 * (samples - low)


WAVE = encoded("pcm_s16le", 0)
