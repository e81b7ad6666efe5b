"""The hyper-image of an audio file, and what it hangs on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.decoding import open_blocks, to_mono
from earshot.audio.probing import Probe, probe
from earshot.audio.samples import AudioError, Samples
from earshot.features.compute import features, normalize
from earshot.features.scales import image_rows
from earshot.features.spectrum import resample
from earshot.params import HyperImages
from earshot.store.rows import ImageFormat, Row

FEATURE_VERSION = 1
"""Counts the definitions of the rows: another number, other images."""

DEFAULTS = HyperImages(
    sample_rate=22050,
    n_fft=1024,
    hop_length=512,
    n_mels=128,
    n_mfcc=13,
    excerpt_seconds=60.0,
    shard_songs=256,
)
"""As in params.yaml."""


@dataclass(frozen=True)
class HyperImage:
    """A hyper-image, normalized.

    Attributes
    ----------
    values
        float32 `(n_rows, n_frames)` in 0..1.
    rows
        What each row is; physical value = `offset + scale * 255 * value`.
    frames_per_second
        Hz.
    """

    values: NDArray[np.float32]
    rows: tuple[Row, ...]
    frames_per_second: float


def hyper_image_of(path: Path, settings: HyperImages = DEFAULTS) -> HyperImage:
    """The hyper-image of an audio file; of a longer one than `settings.excerpt_seconds`, of an excerpt.

    Raises
    ------
    AudioError
        A file that cannot be decoded, or too short.
    """
    image_format = format_of(settings)
    found = probe(path)
    if found.reason is not None:
        raise AudioError(found.reason)
    values = features(read_excerpt(excerpt_of(path, found, settings), settings), settings, normalize)
    # features are time-major, (n_frames, n_rows); an image is (n_rows, n_frames)
    return HyperImage(np.ascontiguousarray(values.T), image_format.rows, image_format.frames_per_second)


def format_of(settings: HyperImages) -> ImageFormat:
    """What images made with `settings` look like."""
    rows = image_rows(settings.n_mels, settings.n_mfcc)
    return ImageFormat(feature_key(settings), settings.sample_rate, settings.hop_length, rows)


def feature_key(settings: HyperImages) -> str:
    """Hash of all that decides what the images of a catalogue look like: `settings` and `FEATURE_VERSION`.

    How many songs share a shard is no part of it, nor are families beside the image.
    """
    content = {**asdict(settings), "feature_version": FEATURE_VERSION}
    del content["shard_songs"], content["families"]
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


class Excerpt(NamedTuple):
    """What is decoded of a file: from `start` (seconds) on, by which decoder, which channel (`Probe`)."""

    path: Path
    start: float
    decoder: str | None = None
    channel: int | None = None


def excerpt_of(path: Path, found: Probe, settings: HyperImages) -> Excerpt:
    """What the hyper-image of a file is made of, of which a probe `found` that much."""
    start = excerpt_start(found.seconds, settings, found.silences)
    return Excerpt(path, start, found.decoder, found.channel)


def excerpt_start(seconds: float, settings: HyperImages, silences: str | None = None) -> float:
    """Where the `settings.excerpt_seconds` start (seconds) that are taken of a recording of `seconds`.

    They are its middle; where that is silent all through, they are taken around the
    middle of the longest stretch of sound, the first of several. `silences` as in `Probe`.
    """
    latest = max(0.0, seconds - settings.excerpt_seconds)  # the last start from which a whole excerpt fits
    middle = latest / 2
    # "0-12 95-300" to [(0, 12), (95, 300)]
    silent = [(int(begin), int(end)) for begin, end in (s.split("-") for s in (silences or "").split())]
    # a second of which the excerpt holds a part may have its sound in the other part
    first, last = math.ceil(middle), math.floor(middle + settings.excerpt_seconds)
    if not any(begin <= first and last <= end for begin, end in silent):
        return middle
    # sound lies between edges 0 and 1, 2 and 3, ...; silence between 1 and 2, 3 and 4, ...
    edges = [0, *(edge for stretch in silent for edge in stretch), math.ceil(seconds)]
    begin, end = max(zip(edges[::2], edges[1::2], strict=True), key=lambda sound: sound[1] - sound[0])
    # an excerpt around the middle of the sound, within the file
    return min(max(0.0, (begin + end - settings.excerpt_seconds) / 2), latest)


def read_excerpt(
    excerpt: Excerpt, settings: HyperImages, wanted_rate: int | None = None
) -> Iterator[Samples]:
    """It, mono, at `wanted_rate` (Hz; unless given `settings.sample_rate`), in blocks `(n_samples,)`.

    Raises AudioError, as `earshot.audio.decoding.decode`.
    """
    path, start, decoder, channel = excerpt
    sample_rate, blocks = open_blocks(path, start, settings.excerpt_seconds, decoder)
    mono = (to_mono(block, channel) for block in blocks)
    return resample(mono, sample_rate, wanted_rate or settings.sample_rate)
