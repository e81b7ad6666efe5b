"""Short music files with tags, as taggers write them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import av
import numpy as np

_FORMATS = {
    ".mp3": ("mp3", "libmp3lame"),
    ".flac": ("flac", "flac"),
    ".m4a": ("ipod", "aac"),
    ".wav": ("wav", "pcm_s16le"),
    ".aiff": ("aiff", "pcm_s16be"),
    ".opus": ("ogg", "libopus"),
}


def write_music(path: Path, **tags: str) -> Path:
    """0.1 s of silence; `tags` as FFmpeg calls them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form, codec = _FORMATS[path.suffix.lower()]
    with av.open(str(path), "w", format=form) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=48000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        fitting = av.AudioResampler(
            format=stream.codec_context.format.name,
            layout="mono",
            rate=48000,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        for part in [*fitting.resample(frame), *fitting.resample(None), None]:
            for packet in stream.encode(part):
                container.mux(packet)
    return path


def with_id3(path: Path, frames: dict[str, bytes]) -> Path:
    """Put an ID3v2.4 tag of these frames before the file."""
    path.write_bytes(id3(frames) + path.read_bytes())
    return path


def with_id3_chunk(
    path: Path, name: bytes, order: Literal["little", "big"], frames: dict[str, bytes]
) -> Path:
    """Put an ID3v2.4 tag as a chunk behind the others of WAV or AIFF."""
    tag = id3(frames)
    path.write_bytes(path.read_bytes() + name + len(tag).to_bytes(4, order) + tag)
    return path


def id3(frames: dict[str, bytes]) -> bytes:
    """An ID3v2.4 tag."""
    body = b"".join(name.encode() + _size(len(data)) + b"\0\0" + data for name, data in frames.items())
    return b"ID3\4\0\0" + _size(len(body)) + body


def _size(length: int) -> bytes:
    return bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
