"""The sound itself, for encoders of the raw waveform."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from earshot.audio.samples import AudioError
from earshot.features.families import SongSource
from earshot.params import HyperImages

LOUDEST = 32767
"""Stored for a sample of 1; what is louder is cut off."""


class Samples16:
    """Mono samples as int16, `hop_length` of them a frame.

    Frame i holds samples i * hop_length up to (i + 1) * hop_length, of which the image's frame i is
    centred on the first. There are as many frames as the image has, so the last is filled up with silence.
    """

    name: ClassVar[str] = "samples"
    unit: ClassVar[Literal["frame", "song"]] = "frame"
    dtype: ClassVar[str] = "<i2"
    version: ClassVar[int] = 1

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """Sample rate (Hz), hop length (samples) and length of the excerpt (seconds)."""
        return [settings.sample_rate, settings.hop_length, settings.excerpt_seconds]

    def width(self, settings: HyperImages) -> int:
        """Samples in a frame."""
        return settings.hop_length

    def compute(self, song: SongSource, settings: HyperImages) -> NDArray[np.int16]:
        """Int16 `(n_frames, hop_length)`. AudioError where the file cannot be decoded."""
        blocks = [block for block in song.blocks(settings.sample_rate) if len(block)]
        if not blocks:
            raise AudioError("no samples")
        samples = np.concatenate(blocks)
        scaled = np.clip(np.rint(samples * np.float32(LOUDEST)), -LOUDEST, LOUDEST)
        if not np.isfinite(scaled).all():
            raise AudioError("not finite")
        # as many frames as a centred STFT of the same samples has
        stored = np.zeros((1 + len(samples) // settings.hop_length, settings.hop_length), np.int16)
        stored.reshape(-1)[: len(samples)] = scaled
        return stored
