"""Files read packet by packet through FFmpeg's libraries: what cannot be decoded is left out and measured."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from earshot.audio.containers import open_container
from earshot.audio.samples import BrokenError, Samples, UnknownFormatError, check_format, codec_errors
from earshot.audio.streams import missing_bytes, ogg_layout

_EXACT_LENGTHS = {"flac", "wav", "w64", "aiff", "caf", "tta", "wv", "tak", "ape"}
"""Demuxers whose header counts the samples; `mp3` and `aac` estimate, `ogg` looks at the end of the file."""
_MOV = "mov,mp4,m4a,3gp,3g2,mj2"
_ABOUT = {_MOV: 0.25, "matroska,webm": 1.0, "asf": 1.0}
"""Those that say it in seconds, and how far from the truth (s)."""
_AAC_FRAME = 1024  # samples
_BLOCK = 65_536  # samples
_LOUDEST = 16.0
"""24 dB above full scale: a damaged packet that its decoder took for sound."""
_LOSSY = {"aac", "mp3", "mp3float", "vorbis", "opus", "wmav2", "ac3"}
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
_HEAD_BYTES = 4096
_MAX_FAILURES = 100
"""A demuxer that has failed so often does not get behind the damage any more."""


@dataclass
class Tally:
    """What was read of a file.

    Lost seconds are lost bytes by the mean number of bytes a second; what lies
    behind the last packet that could be decoded is not lost, it was never sound.
    """

    decoded: float = 0.0
    promised: float = 0.0
    good_bytes: int = 0
    lost_bytes: int = 0
    doubtful_bytes: int = 0

    def add(self, packet_bytes: int, seconds: float) -> None:
        """A packet that was decoded."""
        self.decoded += seconds
        self.good_bytes += packet_bytes
        if seconds:
            # sound follows, so they were sound too
            self.lost_bytes, self.doubtful_bytes = self.lost_bytes + self.doubtful_bytes, 0

    @property
    def whole(self) -> float:
        """Seconds that the file would hold undamaged."""
        lost = self.lost_bytes * self.decoded / self.good_bytes if self.good_bytes else 0.0
        return max(self.decoded + lost, self.promised)


@dataclass
class FFmpegFile:
    """An open file; once its blocks were read to the end, `tally` is complete.

    `trims_priming` says then whether a first frame, an encoder's delay that the file does not
    name, was left out.
    """

    path: Path
    sample_rate: int = 0
    layout: Any = None
    format: str = ""
    tally: Tally = field(default_factory=Tally)
    trims_priming: bool = False

    def __post_init__(self) -> None:
        ogg = ogg_layout(self.path)
        self._parts = ogg.links if ogg else [(0, self.path.stat().st_size)]
        self.tally.lost_bytes = ogg.lost_bytes if ogg else 0
        for part in self._parts:
            with self.path.open("rb") as file, _opened(_Part(file, *part)) as container:
                if container is not None:
                    stream = container.streams.audio[0]
                    self.format, self.layout = container.format.name, stream.layout
                    self.sample_rate = int(stream.rate)
                    check_format(self.sample_rate, stream.channels)
                    if self.format == "mp3":
                        self.tally.lost_bytes = missing_bytes(self.path)
                    return
        raise UnknownFormatError(_why_not(self.path))

    def blocks(self) -> Iterator[Samples]:
        """All that can be decoded, end to end, each block `(n_samples, channels)`."""
        for part in self._parts:
            with self.path.open("rb") as file, _opened(_Part(file, *part)) as container:
                if container is None:
                    self.tally.lost_bytes += part[1] - part[0]
                    continue
                before = self.tally.decoded
                yield from _joined(self._read(container))
                self.tally.promised = before + _promised(container, self.tally.decoded - before)

    def _read(self, container: Any) -> Iterator[Samples]:
        stream, convert = container.streams.audio[0], _Converter(self.layout, self.sample_rate)
        may_be_primed = stream.codec_context.name == "aac" and self.format in ("aac", _MOV)
        for packet in _packets(container, stream):
            blocks = list(self._decode(packet, convert))
            # raw AAC cannot say how many samples an encoder put before the sound, and MP4 without an edit
            # list does not: at least one frame. Of what the file says, the decoder left the first frame out.
            if may_be_primed and sum(map(len, blocks)) >= _AAC_FRAME:
                self.trims_priming, blocks = True, blocks[1:]
            may_be_primed = may_be_primed and self.format == "aac" and not self.trims_priming
            yield from blocks
            self.tally.add(packet.size, sum(map(len, blocks)) / self.sample_rate)
        rest = convert.flush()
        yield from rest
        self.tally.add(0, sum(map(len, rest)) / self.sample_rate)

    def _decode(self, packet: Any, convert: _Converter) -> Iterator[Samples]:
        is_lossy = packet.stream.codec_context.name in _LOSSY
        try:
            with codec_errors():
                for frame in packet.decode():
                    blocks = convert(frame)
                    if is_lossy and any(float(np.abs(block).max()) > _LOUDEST for block in blocks):
                        raise BrokenError("broken: louder than any sound")
                    yield from blocks
        except BrokenError:
            if not bytes(packet)[:8].startswith(_TAGS):
                self.tally.doubtful_bytes += packet.size


def _joined(blocks: Iterator[Samples]) -> Iterator[Samples]:
    """The same samples in longer blocks: measuring them costs as much a block as a thousand samples do."""
    held: list[Samples] = []
    for block in blocks:
        held.append(block)
        if sum(map(len, held)) >= _BLOCK:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


class _Converter:
    """Frames of any kind to float samples of one layout and rate: a stream may change midway."""

    def __init__(self, layout: Any, rate: int) -> None:
        self._layout, self._rate = layout, rate
        self._kind: tuple[str, str, int] | None = None
        self._resampler: Any = None

    def __call__(self, frame: Any) -> list[Samples]:
        import av

        kind = frame.format.name, frame.layout.name, frame.sample_rate
        blocks: list[Samples] = []
        if kind != self._kind:
            check_format(frame.sample_rate, frame.layout.nb_channels)
            blocks = self.flush()
            self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
            self._kind = kind
        return blocks + self._resample(frame)

    def flush(self) -> list[Samples]:
        """What is held back."""
        return self._resample(None) if self._resampler else []

    def _resample(self, frame: Any) -> list[Samples]:
        """Planar float frames as `(n_samples, channels)`."""
        found = (part.to_ndarray().T for part in self._resampler.resample(frame))
        return [np.ascontiguousarray(block, dtype=np.float32) for block in found if len(block)]


@contextmanager
def _opened(file: _Part) -> Iterator[Any]:
    """A container with sound in it that can be decoded, None where there is none."""
    import av

    try:
        container = open_container(file)
    except (av.FFmpegError, ValueError, ArithmeticError, MemoryError):
        yield None
        return
    with container:
        first = next(iter(container.streams.audio), None)
        yield container if first and first.codec_context and first.rate and first.channels else None


def _why_not(path: Path) -> str:
    """Why no sound comes out of a file that `_opened` finds none in: it may know all but the encoding."""
    import av

    failures = av.FFmpegError, ValueError, ArithmeticError, MemoryError
    with path.open("rb") as file, suppress(*failures), open_container(file) as container:
        if any(stream.codec_context is None for stream in container.streams.audio):
            return (
                f"not usable: {container.format.name} whose sound is in an encoding that is not known"
                f"{_format_tag(file)}; wanted PCM, FLAC, ALAC, MP3, AAC, Vorbis, Opus, ..."
            )
    return "not audio: its format is not recognised"


def _format_tag(file: BinaryIO) -> str:
    """What a WAV file says of its encoding (wFormatTag of WAVEFORMATEX, RFC 2361); `""` for other files."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    tag = head[head.find(b"fmt ") + 8 :][:2]  # after the name of the chunk and its length
    return f" (format tag 0x{int.from_bytes(tag, 'little'):04x})" if head[8:12] == b"WAVE" else ""


class _Part(io.RawIOBase):
    """Bytes `begin` to `end` of a file, as a file.

    RF64 (EBU Tech 3306), whose lengths its recorder never wrote, is shown as
    plain RIFF, of which FFmpeg takes data of unknown length to the end.
    """

    def __init__(self, file: BinaryIO, begin: int, end: int) -> None:
        self._file, self._begin, self._end, self._at = file, begin, end, begin
        head = file.read(16)
        # "RF64", size, "WAVE", "ds64": the first chunk holds lengths of 64 bits
        is_rf64 = head[:4] in (b"RF64", b"BW64") and head[12:] == b"ds64"
        self._head = b"RIFF" + head[4:12] + b"JUNK" if is_rf64 else b""

    def read(self, size: int = -1) -> bytes:
        if not self._begin <= self._at < self._end:  # a damaged header sends FFmpeg anywhere
            return b""
        left = self._end - self._at
        self._file.seek(self._at)
        found = self._file.read(left if size < 0 else min(size, left))
        # what of the replaced head lies in the bytes that were read
        shown = self._head[self._at :][: len(found)]
        self._at += len(found)
        return shown + found[len(shown) :]

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (self._begin, self._at, self._end)[whence]  # whence 0, 1, 2: begin, here, end
        return self.tell()

    def tell(self) -> int:
        return self._at - self._begin

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Those of `stream`; behind a place that the demuxer cannot read, it is asked again."""
    import av

    for _ in range(_MAX_FAILURES):
        try:
            yield from container.demux(stream)
            return
        except av.FFmpegError:
            continue


def _promised(container: Any, decoded: float) -> float:
    """Seconds that the header says there are; `decoded` where it says none or leaves a doubt."""
    stream, name = container.streams.audio[0], container.format.name
    if name in _EXACT_LENGTHS or name == _MOV:
        seconds = float(stream.duration * stream.time_base) if stream.duration else 0.0
    elif name in _ABOUT and len(container.streams) == 1:
        seconds = (container.duration or 0) / 1e6  # FFmpeg counts it in microseconds
    else:
        return decoded
    return seconds if seconds > decoded + _ABOUT.get(name, 0.0) + 0.5 / stream.rate else decoded


def demux(path: Path) -> tuple[float, int] | None:
    """How long the packets of a file say that they are together (s), and their bytes.

    None where FFmpeg cannot open it.
    """
    with path.open("rb") as file, _opened(_Part(file, 0, path.stat().st_size)) as container:
        if container is None:
            return None
        stream = container.streams.audio[0]
        found = [(packet.duration or 0, packet.size) for packet in _packets(container, stream)]
        # durations are counted in units of time_base (s)
        return float(sum(length for length, _ in found) * stream.time_base), sum(size for _, size in found)
