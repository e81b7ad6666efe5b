"""The hyper-image of a recording: all feature families of one spectrum, each row on a fixed scale."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.audio.chroma import chroma, chroma_bank
from earshot.audio.contrast import contrast, contrast_bands
from earshot.audio.decoding import AudioError, decode_mono
from earshot.audio.mel import decibels, mel_bank, mel_power
from earshot.audio.mfcc import DELTA_WIDTH, delta, delta2, mfcc
from earshot.audio.probing import probe
from earshot.audio.rows import LEVELS, ImageFormat, Row
from earshot.audio.scales import image_rows
from earshot.audio.spectra import Spectrum, power_spectra, resample
from earshot.audio.tempogram import cyclic_tempogram
from earshot.audio.tonnetz import tonnetz
from earshot.audio.tuning import estimate_tuning
from earshot.params import HyperImages

FEATURE_VERSION = 1
"""Counts the definitions of the rows: another number, other images."""

TUNING_SECONDS = 60.0
"""Start of a recording that its tuning is estimated on; longer ones are computed in blocks of this length."""

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
    """The hyper-image of an audio file; of a longer one than `settings.excerpt_seconds`, of its middle.

    Raises
    ------
    AudioError
        A file that cannot be decoded, or too short.
    """
    image_format = format_of(settings)
    found = probe(path)
    if found.reason is not None:
        raise AudioError(found.reason)
    samples = load(path, settings, excerpt_start(found.seconds, settings))
    values = normalize(features(samples, settings), image_format.rows)
    return HyperImage(np.ascontiguousarray(values.T), image_format.rows, image_format.frames_per_second)


def format_of(settings: HyperImages) -> ImageFormat:
    """What images made with `settings` look like."""
    rows = image_rows(settings.n_mels, settings.n_mfcc)
    return ImageFormat(feature_key(settings), settings.sample_rate, settings.hop_length, rows)


def feature_key(settings: HyperImages) -> str:
    """Hash of all that decides what the images of a catalogue look like: `settings` and `FEATURE_VERSION`.

    How many songs share a shard is no part of it.
    """
    content = {**asdict(settings), "feature_version": FEATURE_VERSION}
    del content["shard_songs"]
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def excerpt_start(seconds: float, settings: HyperImages) -> float:
    """Where the middle `settings.excerpt_seconds` of a recording of `seconds` start (seconds)."""
    return max(0.0, (seconds - settings.excerpt_seconds) / 2)


def load(path: Path, settings: HyperImages, start: float = 0.0) -> NDArray[np.float32]:
    """An excerpt from `start` (seconds) on, mono, at `settings.sample_rate`, `(n_samples,)`."""
    samples, sample_rate = decode_mono(path, start, settings.excerpt_seconds)
    return resample(samples, sample_rate, settings.sample_rate)


@np.errstate(over="ignore", invalid="ignore")  # too large samples: refused at the end
def features(samples: NDArray[np.float32], settings: HyperImages) -> NDArray[np.float32]:
    """All rows in their own units, float32 `(n_frames, n_rows)`.

    Parameters
    ----------
    samples
        Mono at `settings.sample_rate`, `(n_samples,)`.

    Raises
    ------
    AudioError
        Fewer than nine frames, or samples so large that a feature is not finite.
    """
    n_frames = 1 + len(samples) // settings.hop_length
    if n_frames < DELTA_WIDTH:
        raise AudioError(f"too short: {n_frames} frames, a hyper-image needs {DELTA_WIDTH}")
    mel, chromas, contrasts = _from_spectrum(samples, settings)
    log_mel = decibels(mel)
    cepstrum = mfcc(log_mel, settings.n_mfcc)
    rhythm = cyclic_tempogram(mel, settings.sample_rate / settings.hop_length)
    tones = tonnetz(chromas)
    changes = (delta(cepstrum), delta2(cepstrum))
    stacked = np.hstack([chromas, rhythm, log_mel, cepstrum, *changes, contrasts, tones])
    if not np.isfinite(stacked).all():
        raise AudioError("not finite: its samples are too large")
    return stacked


def _from_spectrum(samples: NDArray[np.float32], settings: HyperImages) -> tuple[NDArray[np.float32], ...]:
    """What each frame's spectrum alone decides: mel power, chroma, contrast."""
    bands = contrast_bands(settings.sample_rate, settings.n_fft)
    mels = mel_bank(settings.sample_rate, settings.n_fft, settings.n_mels)
    parts = [
        (mel_power(power, mels), chroma(power, pitches), contrast(power, bands))
        for power, pitches in _tuned_spectra(samples, settings)
    ]
    return tuple(np.concatenate(blocks) for blocks in zip(*parts, strict=True))


def _tuned_spectra(
    samples: NDArray[np.float32], settings: HyperImages
) -> Iterator[tuple[Spectrum, NDArray[np.float32]]]:
    """The spectrum block by block, each with the chroma bank tuned to the first block."""
    block_frames = round(TUNING_SECONDS * settings.sample_rate / settings.hop_length)
    bank = None
    for power in power_spectra(samples, settings.n_fft, settings.hop_length, block_frames):
        if bank is None:
            bank = chroma_bank(
                settings.sample_rate, settings.n_fft, estimate_tuning(power, settings.sample_rate)
            )
        yield power, bank


def normalize(values: NDArray[np.float32], rows: tuple[Row, ...]) -> NDArray[np.float32]:
    """`(n_frames, n_rows)` in physical units to 0..1, what lies outside a row's range cut off."""
    offsets = np.array([row.offset for row in rows], np.float32)
    ranges = np.array([row.scale * LEVELS for row in rows], np.float32)
    scaled: NDArray[np.float32] = np.clip((values - offsets) / ranges, 0, 1)
    return scaled


def quantize(values: NDArray[np.float32], rows: tuple[Row, ...]) -> NDArray[np.uint8]:
    """`(n_frames, n_rows)` in physical units to the uint8 that is stored."""
    levels: NDArray[np.uint8] = np.rint(normalize(values, rows) * np.float32(LEVELS)).astype(np.uint8)
    return levels
