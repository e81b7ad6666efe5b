"""The fixed range of every row, the same for all songs.

Chosen on real music: about one value in a thousand lies outside and is cut off; of the
mel bands also what is below -70 dB, as above the cut-off of a lossy file.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from earshot.features.chroma import PITCH_CLASSES
from earshot.features.contrast import N_BANDS
from earshot.features.tempogram import N_CLASSES, tempo
from earshot.features.tonnetz import AXES
from earshot.store.rows import LEVELS, Row

QUIETEST, LOUDEST = -70.0, 30.0
"""Decibels of a mel band."""

Range = tuple[str, str, float, float]
"""Family, name, value stored as 0, value stored as 255."""


@lru_cache(maxsize=8)
def image_rows(n_mels: int, n_mfcc: int) -> tuple[Row, ...]:
    """The rows of an image, family after family."""
    ranges = [*_chroma_and_tempogram(), *_mel(n_mels), *_mfcc(n_mels, n_mfcc), *_contrast_and_tonnetz()]
    return tuple(Row(name, family, low, (high - low) / LEVELS) for family, name, low, high in ranges)


def _chroma_and_tempogram() -> Iterator[Range]:
    for pitch in PITCH_CLASSES:
        yield "chroma", f"chroma_{pitch}", 0.0, 1.0
    for tempo_class in range(N_CLASSES):
        # a class is named by its tempo in the octave from 80 BPM
        yield "tempogram", f"tempogram_{tempo(tempo_class, 1):.0f}", 0.0, 0.75


def _mel(n_mels: int) -> Iterator[Range]:
    for band in range(n_mels):
        yield "mel", f"mel_{band}", QUIETEST, LOUDEST


def _mfcc(n_mels: int, n_mfcc: int) -> Iterator[Range]:
    """The orthonormal DCT grows with the root of the number of bands, and falls with the coefficient k."""
    size = (n_mels / 128) ** 0.5
    yield "mfcc", "mfcc_0", -680.0 * size, 120.0 * size
    for k in range(1, n_mfcc):
        yield "mfcc", f"mfcc_{k}", -400.0 * size / k**0.75, 400.0 * size / k**0.75
    for family, of_zero, of_one in (("mfcc_delta", 60.0, 24.0), ("mfcc_delta2", 36.0, 13.0)):
        for k in range(n_mfcc):
            reach = size * (of_one / k**0.5 if k else of_zero)
            yield family, f"{family}_{k}", -reach, reach


def _contrast_and_tonnetz() -> Iterator[Range]:
    for band in range(N_BANDS):
        yield "contrast", f"contrast_{band}", 0.0, 45.0 if band < N_BANDS - 2 else 65.0
    for axis, reach in zip(AXES, (0.5, 0.5, 0.75, 0.75, 0.3, 0.3), strict=True):
        yield "tonnetz", f"tonnetz_{axis}", -reach, reach
