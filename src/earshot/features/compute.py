"""All feature families of a recording, from one spectrum, each row on a fixed scale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.audio.samples import AudioError, Samples
from earshot.features.chroma import chroma, chroma_bank
from earshot.features.contrast import contrast, contrast_bands
from earshot.features.mel import decibels, mel_parts, mel_power
from earshot.features.mfcc import DELTA_WIDTH, delta, delta2, mfcc
from earshot.features.scales import image_rows
from earshot.features.spectrum import Spectrum, estimate_tuning, power_spectra
from earshot.features.tempogram import cyclic_tempogram, onset_rises
from earshot.features.tonnetz import tonnetz
from earshot.params import HyperImages
from earshot.store.rows import LEVELS, Row

Features = NDArray[np.float32]

TUNING_SECONDS = 60.0
"""Start of a recording that its tuning is estimated on; longer ones are computed in blocks of this length."""


def in_physical_units(values: Features, rows: Sequence[Row]) -> Features:
    """The values as they are."""
    return values


@np.errstate(over="ignore", invalid="ignore")  # too large samples: refused in `kept`
def features(
    blocks: Iterable[Samples],
    settings: HyperImages,
    change: Callable[[Features, Sequence[Row]], NDArray[Any]] = in_physical_units,
) -> NDArray[Any]:
    """All rows of a recording, `(n_frames, n_rows)`.

    However long it is, only what is small stays in memory besides the result.

    Parameters
    ----------
    blocks
        Mono at `settings.sample_rate`, cut anywhere, each `(n_samples,)`.
    change
        `in_physical_units`, `normalize` or `quantize`: what is made of the values
        `(n_frames, n)` of some rows, as soon as they are known.

    Raises
    ------
    AudioError
        Fewer than nine frames, or samples so large that a feature is not finite.
    """
    all_rows = image_rows(settings.n_mels, settings.n_mfcc)
    # groupby wants the rows of a family side by side, as they are
    rows = {family: list(of) for family, of in groupby(all_rows, attrgetter("family"))}

    def kept(family: str, values: Features) -> NDArray[Any]:
        if not np.isfinite(values).all():
            raise AudioError("not finite: its samples are too large")
        return change(values, rows[family])

    log_mel, rises, chromas, cepstrum, contrasts = _local_features(blocks, settings, partial(kept, "mel"))
    if len(rises) < DELTA_WIDTH:
        raise AudioError(f"too short: {len(rises)} frames, a hyper-image needs {DELTA_WIDTH}")
    families = [
        kept("chroma", chromas),
        kept("tempogram", cyclic_tempogram(rises, settings.sample_rate / settings.hop_length)),
        log_mel,  # changed already, block by block: most rows are of mel
        kept("mfcc", cepstrum),
        kept("mfcc_delta", delta(cepstrum)),
        kept("mfcc_delta2", delta2(cepstrum)),
        kept("contrast", contrasts),
        kept("tonnetz", tonnetz(chromas)),
    ]
    return np.hstack(families)  # (n_frames, n_rows), families in the order of their rows


def _local_features(
    blocks: Iterable[Samples], settings: HyperImages, kept: Callable[[Features], NDArray[Any]]
) -> tuple[NDArray[Any], ...]:
    """What a frame and the one before decide: log mel (`kept` of it), rises, chroma, MFCC, contrast."""
    bands = contrast_bands(settings.sample_rate, settings.n_fft)
    mels = mel_parts(settings.sample_rate, settings.n_fft, settings.n_mels)
    parts, before = [], None
    for power, pitches in _tuned_spectra(blocks, settings):
        mel = mel_power(power, mels)
        log_mel = decibels(mel)
        # mel[-1:] is (1, n_mels): the frame before the next block
        rises, before = onset_rises(mel, before), mel[-1:]
        cepstrum = mfcc(log_mel, settings.n_mfcc)
        parts.append((kept(log_mel), rises, chroma(power, pitches), cepstrum, contrast(power, bands)))
    # blocks end to end: (n_frames, n) of each family, (n_frames,) of the rises
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def _tuned_spectra(
    blocks: Iterable[Samples], settings: HyperImages
) -> Iterator[tuple[Spectrum, NDArray[np.float32]]]:
    """The spectrum block by block, each with the chroma bank tuned to the first block."""
    block_frames = round(TUNING_SECONDS * settings.sample_rate / settings.hop_length)
    bank = None
    for power in power_spectra(blocks, settings.n_fft, settings.hop_length, block_frames):
        if bank is None:
            bank = chroma_bank(
                settings.sample_rate, settings.n_fft, estimate_tuning(power, settings.sample_rate)
            )
        yield power, bank


def normalize(values: Features, rows: Sequence[Row]) -> Features:
    """`(n_frames, n_rows)` in physical units to 0..1, what lies outside a row's range cut off."""
    offsets, ranges = _offsets_and_ranges(tuple(rows))
    scaled = values - offsets
    scaled /= ranges
    return np.clip(scaled, 0, 1, out=scaled)


@lru_cache(maxsize=64)
def _offsets_and_ranges(rows: tuple[Row, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    offsets = np.array([row.offset for row in rows], np.float32)
    return offsets, np.array([row.scale * LEVELS for row in rows], np.float32)


def quantize(values: Features, rows: Sequence[Row]) -> NDArray[np.uint8]:
    """`(n_frames, n_rows)` in physical units to the uint8 that is stored."""
    levels = normalize(values, rows)
    levels *= np.float32(LEVELS)
    return np.rint(levels, out=levels).astype(np.uint8)  # to the nearest level: half a step off at most
