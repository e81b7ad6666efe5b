"""Audio files with something wrong in one place, made of good ones."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import soundfile

from tests.audio.files import RATE, stereo

CODECS = {
    "mp3": ("mp3", "mp3"),
    "m4a": ("ipod", "aac"),
    "aac": ("adts", "aac"),
    "opus": ("ogg", "libopus"),
    "flac": ("flac", "flac"),
    "alac.m4a": ("ipod", "alac"),
    "wav": ("wav", "pcm_s16le"),
    "mka": ("matroska", "aac"),
    "w64": ("w64", "pcm_s16le"),
    "aiff": ("aiff", "pcm_s16be"),
    "caf": ("caf", "pcm_s16le"),
    "wv": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
    "wma": ("asf", "wmav2"),
}


def encoded(kind: str, samples: np.ndarray, rate: int = RATE) -> bytes:
    """`samples` `(n_samples, channels)` as a file of a kind of `CODECS`, or `ogg`: Vorbis."""
    file = BytesIO()
    layout = "stereo" if samples.shape[1] == 2 else "mono"
    if kind == "ogg":
        soundfile.write(file, samples, rate, format="OGG", subtype="VORBIS")
        return file.getvalue()
    container_format, codec = CODECS[kind]
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 128_000
        for first in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[first : first + 1024].T, np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def overwritten(content: bytes, n_bytes: int, share: float = 0.5) -> bytes:
    """Other bytes in one place."""
    begin = int(len(content) * share)
    noise = np.random.default_rng(1).bytes(n_bytes)
    return content[:begin] + noise + content[begin + n_bytes :]


def with_number(content: bytes, mark: bytes, offset: int, number: bytes) -> bytes:
    """A field of a header, `offset` bytes behind the start of `mark`."""
    place = content.index(mark) + offset
    return content[:place] + number + content[place + len(number) :]


def write_samples(folder: Path, seconds: float = 3.0) -> dict[str, bytes]:
    """A good file of every kind, by kind."""
    sound = stereo(seconds)
    resampled = stereo(seconds * 48000 / RATE)[: round(48000 * seconds)]
    kinds = [*CODECS, "ogg"]
    found = {}
    for kind in kinds:
        rate = 48000 if kind == "opus" else RATE
        found[kind] = encoded(kind, resampled if kind == "opus" else sound, rate)
        (folder / f"good.{kind}").write_bytes(found[kind])
    return found
