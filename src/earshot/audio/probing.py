"""What a file holds, before anything is made of it: it is decoded once, block by block, and measured."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earshot.audio.decoding import AudioError, Samples, open_blocks

PROBE_VERSION = 1
"""Counts the definitions of a probe."""

MAX_HOURS = 24
"""A file that decodes to more is not decoded to its end: a few MB can hold years of silence."""

_FULL_SCALE = np.float32(1 - 2**-15)
_FAINTEST = 1e-10


@dataclass(frozen=True)
class Probe:
    """What one file holds.

    Attributes
    ----------
    audio_md5
        Of the file's bytes.
    seconds, sample_rate, channels
        As decoded, not as its header says.
    peak_dbfs
        Largest absolute sample in dB of full scale; -200 is silence.
    clipped_share
        Share of samples at full scale or beyond.
    reason
        Why the file cannot be decoded (`kind: detail`; the figures are then 0), else None.
    """

    audio_md5: str
    seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    peak_dbfs: float = 0.0
    clipped_share: float = 0.0
    reason: str | None = None


def probe(path: Path) -> Probe:
    """Decode the whole of `path` and measure it; a file that cannot be decoded is a `reason`, no error."""
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    try:
        with quiet_codecs():
            sample_rate, blocks = open_blocks(path)
            return _measure(md5, sample_rate, blocks)
    except AudioError as error:
        return Probe(md5, reason=str(error))


def _measure(md5: str, sample_rate: int, blocks: Iterator[Samples]) -> Probe:
    n_samples, channels, clipped, peak = 0, 0, 0, 0.0
    for block in blocks:
        n_samples, channels = n_samples + len(block), block.shape[1]
        if n_samples > MAX_HOURS * 3600 * sample_rate:
            raise AudioError(f"too long: more than {MAX_HOURS} h")
        loudest = max(float(block.max()), -float(block.min()))
        if not np.isfinite(loudest):
            raise AudioError("not finite: it holds samples that are no numbers")
        if loudest >= _FULL_SCALE:
            clipped += int(np.count_nonzero(np.abs(block) >= _FULL_SCALE))
        peak = max(peak, loudest)
    decibels = 20 * np.log10(max(peak, _FAINTEST))
    share = clipped / (n_samples * channels)
    return Probe(md5, n_samples / sample_rate, sample_rate, channels, float(decibels), share)


@contextmanager
def quiet_codecs() -> Iterator[None]:
    """Keep what the decoders print about damaged frames off stderr.

    For worker processes: while it holds, no thread can write there.
    """
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
