"""Real audio files for tests, good and bad ones."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
import numpy as np
import soundfile

from tests.audio.signals import music

RATE = 44100


def stereo(seconds: float = 2.0) -> np.ndarray:
    """float32 `(n_samples, 2)` at 44,100 Hz."""
    tone = np.repeat(music(seconds), 2)[: round(RATE * seconds)]
    return np.stack([tone, 0.5 * tone], axis=1)


def write_m4a(path: Path, samples: np.ndarray) -> None:
    """AAC in MP4, as phones and shops write it."""
    with av.open(str(path), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo")
        for first in range(0, len(samples), 1024):
            block = np.ascontiguousarray(samples[first : first + 1024].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def mp3(seconds: float) -> bytes:
    """A stereo MP3 at 256 kbit/s without any header, so that `n * mp3(s)` is one of n * s seconds."""
    samples, file = stereo(seconds), BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("mp3", rate=RATE, layout="stereo", options={"b": "256k"})
        for first in range(0, len(samples), 1152):
            block = np.ascontiguousarray(samples[first : first + 1152].T)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def write_files(folder: Path) -> dict[str, str | None]:
    """Write files into `folder`; the reason why each is unusable by its name, None for a good one."""
    sound = stereo()
    soundfile.write(folder / "song.wav", sound, RATE)
    soundfile.write(folder / "song.ogg", sound, RATE)
    soundfile.write(folder / "song.flac", sound, RATE)
    soundfile.write(folder / "song.mp3", sound, RATE)
    soundfile.write(folder / "UPPER.MP3", sound, RATE, format="MP3")
    soundfile.write(folder / "wav named.mp3", sound, RATE, format="WAV")
    soundfile.write(folder / "eight.wav", np.repeat(sound[:, :1], 8, axis=1), RATE)
    write_m4a(folder / "song.m4a", sound)
    (folder / "cut.mp3").write_bytes((folder / "song.mp3").read_bytes()[:9000])
    (folder / "cut.m4a").write_bytes((folder / "song.m4a").read_bytes()[:9000])
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.mp3").write_text("song_id,artist\n" * 1000)
    (folder / "random.ogg").write_bytes(np.random.default_rng(0).bytes(50000))
    (folder / "picture.mp3").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(3000))
    (folder / "header only.raw").write_bytes(bytes(5000))
    soundfile.write(folder / "three.wav", sound[:3], RATE)
    soundfile.write(folder / "none.wav", sound[:0], RATE)
    soundfile.write(folder / "silent.flac", 0 * sound, RATE)
    soundfile.write(
        folder / "nan.wav", np.where(np.arange(len(sound))[:, None] == 7, np.nan, sound), RATE, "FLOAT"
    )
    return {
        **dict.fromkeys(["song.wav", "song.ogg", "song.flac", "song.mp3", "UPPER.MP3", "wav named.mp3"]),
        **dict.fromkeys(["eight.wav", "song.m4a"]),
        "cut.mp3": "broken",
        "cut.m4a": "not audio",
        "empty.mp3": "empty",
        "text.mp3": "not audio",
        "random.ogg": "not audio",
        "picture.mp3": "not audio",
        "header only.raw": "not audio",
        "three.wav": "too short",
        "none.wav": "empty",
        "silent.flac": "silent",
        "nan.wav": "not finite",
    }
