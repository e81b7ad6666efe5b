"""A file read by libsndfile, as long as nothing is wrong with it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earshot.audio.samples import Samples, UnknownFormatError, check_format

_BLOCK_BYTES = 1 << 24
_FRAMES_IN_CACHE = 1 << 16
"""Decoding stops as rarely as memory allows; what follows is faster on less at a time."""
_ENDLESS = 0x7FFF0000
"""From here on a size is what a recorder writes that does not know it yet."""


class LibsndfileFile:
    """An open file.

    Attributes
    ----------
    sample_rate
        Hz.
    n_frames
        As its header says.
    is_mpeg, has_frames
        Whether it is MPEG audio, and whether it comes in frames that can be counted.
    cut_share
        How much of what its header counts is there; 1 where nothing was cut off.

    Raises
    ------
    AudioError
        A format that libsndfile does not know, or that no music has.
    """

    def __init__(self, path: Path) -> None:
        import soundfile

        try:
            self._file: Any = soundfile.SoundFile(os.fsencode(path))
        except (soundfile.SoundFileError, TypeError, ValueError, RuntimeError) as error:
            # TypeError: a headerless .raw
            raise UnknownFormatError("not audio: its format is not recognised") from error
        self.sample_rate, self.n_frames = int(self._file.samplerate), int(self._file.frames)
        check_format(self.sample_rate, self._file.channels)
        self.is_mpeg = self._file.format == "MP3"
        self.has_frames = self._file.format in ("MP3", "FLAC")
        self.cut_share = _cut_share(self._file.extra_info)

    def blocks(self, first: int = 0, wanted: int | None = None) -> Iterator[Samples]:
        """`wanted` samples (all if None) from `first` on, each block `(n_samples, channels)`."""
        step = _BLOCK_BYTES // (4 * self._file.channels)  # samples of float32, 4 bytes a channel
        step = max(1, step // _FRAMES_IN_CACHE) * _FRAMES_IN_CACHE
        left = -1 if wanted is None else wanted
        with self._file as file:
            if first:
                file.seek(min(first, self.n_frames))
            while left:
                block = file.read(step if left < 0 else min(left, step), dtype="float32", always_2d=True)
                if not len(block):
                    return
                for start in range(0, len(block), _FRAMES_IN_CACHE):
                    yield block[start : start + _FRAMES_IN_CACHE]
                left -= len(block) if left > 0 else 0


def _cut_share(log: str) -> float:
    """By libsndfile's log, in which a chunk that is longer than the file stands with both lengths."""
    found = re.search(
        r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", log, re.MULTILINE
    )
    if found is None:
        return 1.0
    announced, there = int(found[1]), int(found[2])
    return there / announced if there < announced < _ENDLESS else 1.0
