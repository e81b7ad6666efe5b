"""Audio files as samples: libsndfile first, FFmpeg's libraries (PyAV) for what it cannot read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_BLOCK_FRAMES = 1 << 21
_FRAMES_IN_CACHE = 1 << 16
"""Decoding stops as rarely as memory allows; what follows is faster on less at a time."""


class AudioError(Exception):
    """A file that cannot be used; the message is the reason, `kind: detail`, without the file's path."""


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


def to_mono(samples: Samples) -> Samples:
    """Mean of the channels: `(n_samples, channels)` to `(n_samples,)`."""
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    mono: Samples = samples @ np.full(channels, 1 / channels, np.float32)
    return mono


def open_blocks(
    path: Path, start: float = 0.0, seconds: float | None = None
) -> tuple[int, Iterator[Samples]]:
    """Sample rate (Hz), and the samples of `seconds` (all if None) from `start` on, block by block.

    A block is float32 `(n_samples, channels)`; however long the file, one is
    held at a time. Raises AudioError as `decode`, now or while the blocks are read.
    """
    if path.stat().st_size == 0:
        raise AudioError("empty: the file has no bytes")
    try:
        sample_rate, read = _open_soundfile(path)
    except AudioError:
        sample_rate, read = _open_pyav(path)
    wanted = sys.maxsize if seconds is None else round(seconds * sample_rate)
    return sample_rate, _not_empty(read(round(start * sample_rate), wanted), start)


def _not_empty(blocks: Iterator[Samples], start: float) -> Iterator[Samples]:
    first = next(blocks, None)
    if first is None:
        raise AudioError(f"empty: no samples after {start:.2f} s")
    yield first
    yield from blocks


Reader = Callable[[int, int], Iterator[Samples]]
"""Gives the blocks that hold so many samples from that one on: `(first, wanted)`."""


def _open_soundfile(path: Path) -> tuple[int, Reader]:
    import soundfile

    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: a headerless .raw
        raise AudioError("not audio: its format is not recognised") from error
    return file.samplerate, partial(_read_soundfile, file)


def _read_soundfile(file: Any, first: int, wanted: int) -> Iterator[Samples]:
    import soundfile

    with file:
        try:
            if first:
                file.seek(min(first, file.frames))
            while len(block := file.read(min(wanted, _BLOCK_FRAMES), dtype="float32", always_2d=True)):
                for start in range(0, len(block), _FRAMES_IN_CACHE):
                    yield block[start : start + _FRAMES_IN_CACHE]
                wanted -= len(block)
        except soundfile.LibsndfileError as error:
            raise AudioError(f"broken: {error.error_string}") from error


def _open_pyav(path: Path) -> tuple[int, Reader]:
    import av

    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, ValueError) as error:
        raise AudioError("not audio: its format is not recognised") from error
    streams = container.streams.audio
    if not streams or not streams[0].rate:
        container.close()
        raise AudioError("not audio: it has no audio stream")
    return int(streams[0].rate), partial(_read_pyav, container)


def _read_pyav(container: Any, first: int, wanted: int) -> Iterator[Samples]:
    """From the start of the file, since a seek in compressed audio is not exact."""
    for block in _decode_pyav(container):
        part = block[first : first + wanted]
        first -= min(first, len(block))
        wanted -= len(part)
        if len(part):
            yield part
        if not wanted:
            return


def _decode_pyav(container: Any) -> Iterator[Samples]:
    import av

    stream = container.streams.audio[0]
    floats = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
    with container:
        try:
            for frame in container.decode(stream):
                yield from (_samples(part) for part in floats.resample(frame))
            yield from (_samples(part) for part in floats.resample(None))
        except av.FFmpegError as error:
            raise AudioError(f"broken: {error.strerror}") from error


def _samples(frame: Any) -> Samples:
    """A planar float frame as `(n_samples, channels)`."""
    return np.ascontiguousarray(frame.to_ndarray().T, dtype=np.float32)
