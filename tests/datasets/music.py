"""Short music files with tags, as taggers write them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

_FORMATS = {
    ".mp3": ("mp3", "libmp3lame"),
    ".flac": ("flac", "flac"),
    ".m4a": ("ipod", "aac"),
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
    body = b"".join(name.encode() + _size(len(data)) + b"\0\0" + data for name, data in frames.items())
    path.write_bytes(b"ID3\4\0\0" + _size(len(body)) + body + path.read_bytes())
    return path


def _size(length: int) -> bytes:
    return bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
