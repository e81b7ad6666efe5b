"""Audio files as samples: libsndfile first, FFmpeg's libraries (PyAV) for what it cannot read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from earshot.audio.ffmpeg import FFmpegFile
from earshot.audio.libsndfile import LibsndfileFile
from earshot.audio.samples import AudioError, Samples, UnknownFormatError, codec_errors
from earshot.audio.streams import ogg_layout

__all__ = ["FFMPEG", "AudioError", "Samples", "decode", "open_blocks", "open_sound", "to_mono"]

FFMPEG = "ffmpeg"
"""Names the decoder of a file that is not read by the first one that opens it."""


def decode(path: Path, start: float = 0.0, seconds: float | None = None) -> tuple[Samples, int]:
    """Decode a file, or `seconds` of it from `start` (seconds) on.

    Returns
    -------
    samples
        float32 `(n_samples, channels)`, full scale at -1 and 1.
    sample_rate
        Hz.

    Raises
    ------
    AudioError
        A file that is not audio, is broken, or ends before `start`.
    """
    sample_rate, blocks = open_blocks(path, start, seconds)
    return np.concatenate(list(blocks)), sample_rate


def to_mono(samples: Samples, channel: int | None = None) -> Samples:
    """Mean of the channels, or one of them: `(n_samples, channels)` to `(n_samples,)`."""
    channels = samples.shape[1]
    if channel is not None:
        return np.ascontiguousarray(samples[:, channel])
    if channels == 1:
        return samples[:, 0]
    mono: Samples = samples @ np.full(channels, 1 / channels, np.float32)
    return mono


def open_blocks(
    path: Path, start: float = 0.0, seconds: float | None = None, decoder: str | None = None
) -> tuple[int, Iterator[Samples]]:
    """Sample rate (Hz), and the samples of `seconds` (all if None) from `start` on, block by block.

    A block is float32 `(n_samples, channels)`; however long the file, one is
    held at a time. `decoder` as in `earshot.audio.probing.Probe`. Raises AudioError
    as `decode`, now or while the blocks are read.
    """
    sound = open_sound(path, decoder)
    first = round(start * sound.sample_rate)
    wanted = None if seconds is None else round(seconds * sound.sample_rate)
    if isinstance(sound, LibsndfileFile):
        blocks = sound.blocks(first, wanted)
    else:  # from the start of the file, since a seek in compressed audio is not exact
        blocks = _part_of(sound.blocks(), first, wanted)
    return sound.sample_rate, _not_empty(blocks, start)


def open_sound(path: Path, decoder: str | None = None) -> LibsndfileFile | FFmpegFile:
    """Open a file with libsndfile, or FFmpeg's libraries where it is not for libsndfile or `decoder` says so.

    Raises AudioError where neither knows its format, or it is one that no music has.
    """
    if path.stat().st_size == 0:
        raise AudioError("empty: the file has no bytes")
    with codec_errors():
        if decoder == FFMPEG:
            return FFmpegFile(path)
        ogg_layout(path)  # refuses what would cost libsndfile memory
        try:
            return LibsndfileFile(path)
        except UnknownFormatError:
            return FFmpegFile(path)


def _part_of(blocks: Iterator[Samples], first: int, wanted: int | None) -> Iterator[Samples]:
    for block in blocks:
        part = block[first:] if wanted is None else block[first : first + wanted]
        first -= min(first, len(block))  # samples still to be skipped
        if len(part):
            yield part
        if wanted is not None:
            wanted -= len(part)
            if not wanted:
                return


def _not_empty(blocks: Iterator[Samples], start: float) -> Iterator[Samples]:
    with codec_errors():
        first = next(blocks, None)
        if first is None:
            raise AudioError(f"empty: no samples after {start:.2f} s")
        yield first
        yield from blocks
