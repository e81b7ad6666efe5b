"""What a file holds, before anything is made of it: it is decoded once, block by block, and measured."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from earshot.audio.decoding import FFMPEG, open_sound
from earshot.audio.ffmpeg import FFmpegFile, demux
from earshot.audio.levels import LevelMeter
from earshot.audio.libsndfile import LibsndfileFile
from earshot.audio.samples import AudioError, BrokenError, Samples, codec_errors
from earshot.audio.streams import missing_bytes, ogg_layout, sound_bytes
from earshot.code import key_of
from earshot.errors import UserError
from earshot.executors import parallel_map
from earshot.files import append_json, read_json_lines

MAX_HOURS = 24
"""A file that decodes to more is not decoded to its end: a few MB can hold years of silence."""

MIN_HEARD_SHARE = 0.5
"""A damaged file of which less can be decoded is set aside: what is left need not stand for the song."""

_SHORT_BY = 0.25
"""Seconds by which decoders may differ over the same file: delays at both ends, a frame that is not whole."""


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
    decoder
        `ffmpeg` where the first decoder that opens the file does not decode all of it, else None.
    damage
        `damaged: 57.1 of 60.0 s heard`, None where nothing is missing.
    channel
        The one that is heard where the channels cancel each other out in their mean, else None: the mean.
    heard_dbfs
        Peak of that mean, or channel.
    silences
        Where it is silent, as `earshot.audio.levels.LevelMeter.silences` gives it.
    reason
        Why the file cannot be decoded (`kind: detail`; the figures are then 0), else None.
    """

    audio_md5: str
    seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    peak_dbfs: float = 0.0
    clipped_share: float = 0.0
    decoder: str | None = None
    damage: str | None = None
    channel: int | None = None
    heard_dbfs: float = 0.0
    silences: str | None = None
    reason: str | None = None


def probe(path: Path) -> Probe:
    """Decode the whole of `path` and measure it; a file that cannot be decoded is a `reason`, no error."""
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    try:
        with quiet_codecs(), codec_errors():
            decoded = _decode(path)
            return _judged(md5, decoded)
    except AudioError as error:
        return Probe(md5, reason=str(error))


@dataclass(frozen=True)
class _Decoded:
    """What a decoder gave, and how many seconds there would be of an undamaged file."""

    levels: LevelMeter
    sample_rate: int
    whole: float
    decoder: str | None

    @property
    def is_damaged(self) -> bool:
        return self.whole > self.levels.seconds + 0.5 / self.sample_rate  # beyond rounding: by half a sample


def _decode(path: Path) -> _Decoded:
    """All of a file, by FFmpeg's libraries where libsndfile fails or does not come to its end."""
    sound = open_sound(path)
    if isinstance(sound, FFmpegFile):
        return _by_ffmpeg(sound)
    try:
        decoded = _by_libsndfile(sound)
    except BrokenError as error:
        try:
            return _by_ffmpeg(FFmpegFile(path), FFMPEG)
        except AudioError:
            raise error from None
    if _is_all(path, sound, decoded.levels):
        return decoded
    try:
        again = _by_ffmpeg(FFmpegFile(path), FFMPEG)
    except AudioError:
        return decoded
    return again if again.is_damaged or again.levels.seconds > decoded.levels.seconds + _SHORT_BY else decoded


def _by_libsndfile(sound: LibsndfileFile) -> _Decoded:
    levels = _measured(sound.blocks(), sound.sample_rate)
    return _Decoded(levels, sound.sample_rate, levels.seconds / sound.cut_share, None)


def _by_ffmpeg(sound: FFmpegFile, decoder: str | None = None) -> _Decoded:
    levels = _measured(sound.blocks(), sound.sample_rate)
    whole = max(sound.tally.whole, levels.seconds)
    return _Decoded(levels, sound.sample_rate, whole, FFMPEG if sound.trims_priming else decoder)


def _measured(blocks: Iterator[Samples], sample_rate: int) -> LevelMeter:
    levels = LevelMeter(sample_rate)
    with codec_errors():
        for block in blocks:
            levels.add(block)
            if levels.seconds > MAX_HOURS * 3600:
                raise AudioError(f"too long: more than {MAX_HOURS} h")
    if not levels.n_samples:
        raise BrokenError("empty: no samples")
    return levels


def _is_all(path: Path, sound: LibsndfileFile, levels: LevelMeter) -> bool:
    """Whether libsndfile gave what the file's frames or pages add up to.

    Formats without frames are as long as libsndfile says: of data without a length it takes all.
    """
    if ogg := ogg_layout(path):
        return len(ogg.links) == 1 and not ogg.lost_bytes
    if not sound.has_frames:
        return True
    if sound.is_mpeg and missing_bytes(path):
        return False
    demuxed = demux(path)
    if demuxed is None:
        return sound.n_frames <= levels.n_samples
    seconds, n_bytes = demuxed
    # of mp3 without a header libsndfile estimates the frames: that no byte lies between them says more
    is_counted = sound.n_frames <= levels.n_samples or (sound.is_mpeg and n_bytes == sound_bytes(path))
    return is_counted and abs(seconds - levels.seconds) <= _SHORT_BY


def _judged(md5: str, decoded: _Decoded) -> Probe:
    levels, damage = decoded.levels, None
    if decoded.is_damaged:
        seconds = math.floor(levels.seconds * 10) / 10  # never the same figure as the whole
        damage = f"{seconds:.1f} of {decoded.whole:.1f} s heard"
        if levels.seconds < MIN_HEARD_SHARE * decoded.whole:
            raise AudioError(f"broken: {damage}, wanted {MIN_HEARD_SHARE:.0%}")
    return Probe(
        md5,
        seconds=levels.seconds,
        sample_rate=decoded.sample_rate,
        channels=levels.channels,
        peak_dbfs=levels.peak_dbfs,
        clipped_share=levels.clipped_share,
        decoder=decoded.decoder,
        damage=damage and f"damaged: {damage}",
        channel=levels.channel,
        heard_dbfs=levels.heard_dbfs,
        silences=levels.silences,
    )


@contextmanager
def quiet_codecs() -> Iterator[None]:
    """Keep what the decoders print about damaged frames off stderr.

    For worker processes: while it holds, no thread can write there.
    """
    # the descriptor itself: C libraries know nothing of sys.stderr
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def intake_journal(root: Path, delivery_md5: str) -> Path:
    """Where the probes stand that were made when a delivery was taken in, by path inside it."""
    return root / ".earshot" / "probes" / f"{key_of([delivery_md5], probe)}.jsonl"


def probe_all(
    folder: Path, names: Iterable[str], journal: Path, known: Mapping[str, Probe], description: str
) -> dict[str, Probe]:
    """Probe the files `names` of `folder` on all cores, but for those that are `known` or in `journal`.

    Returns
    -------
    The probe of every name. Of a file whose probing hangs or dies, one with that reason.

    Raises
    ------
    UserError
        A file is not there.
    """
    probes = dict(known) | read_journal(journal)
    left = [name for name in dict.fromkeys(names) if name not in probes]
    for name in left:
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: not there; `dvc checkout` brings it back")
    found = parallel_map(
        probe,
        [folder / name for name in left],
        description=description,
        unit="file",
        lost=lambda _, reason: Probe("", reason=reason),
    )
    for name, outcome in zip(left, found, strict=True):
        probes[name] = outcome
        append_json(journal, {"name": name, **asdict(outcome)})
    return probes


def read_journal(journal: Path) -> dict[str, Probe]:
    """The probes that stand in `journal`, by name; none where there is no such file."""
    return {line.pop("name"): Probe(**line) for line in read_json_lines(journal)}
