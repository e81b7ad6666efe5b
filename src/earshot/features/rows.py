"""The rows of a hyper-image: their names, their families, and the fixed scale each is stored with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.features.chroma import PITCH_CLASSES
from earshot.features.contrast import N_BANDS
from earshot.features.tempogram import N_CLASSES, tempo
from earshot.features.tonnetz import AXES
from earshot.files import read_json, write_json

FAMILIES = ("chroma", "tempogram", "mel", "mfcc", "mfcc_delta", "mfcc_delta2", "contrast", "tonnetz")
"""In the order of their rows."""

LEVELS = 255
"""The largest stored value; 0 is the smallest."""


@dataclass(frozen=True)
class Row:
    """One row of the image: physical value = `offset` + `scale` x stored uint8."""

    name: str
    family: str
    offset: float
    scale: float


@dataclass(frozen=True)
class ImageFormat:
    """What the numbers of a stored hyper-image mean.

    Attributes
    ----------
    feature_key
        Images with the same key were made by the same definition and may be mixed.
    sample_rate, hop_length
        Hz and samples: a frame lasts `hop_length / sample_rate` seconds.
    rows
        In the order in which they are stored.
    """

    feature_key: str
    sample_rate: int
    hop_length: int
    rows: tuple[Row, ...]

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop_length

    def row_slice(self, families: Sequence[str]) -> NDArray[np.intp]:
        """Indices of the rows of `families`, in stored order; UserError for one that is not there."""
        known = {row.family for row in self.rows}
        for family in families:
            if family not in known:
                raise UserError(
                    f"family {family!r} is not in the hyper-image; it holds {', '.join(sorted(known))}"
                )
        return np.array([i for i, row in enumerate(self.rows) if row.family in families], dtype=np.intp)


def write_format(path: Path, image_format: ImageFormat) -> None:
    """Write rows.json."""
    content: dict[str, Any] = asdict(image_format)
    content["frames_per_second"] = image_format.frames_per_second
    write_json(path, content)


def read_format(path: Path) -> ImageFormat:
    """Read rows.json. Raises UserError where it is missing or not what `write_format` writes."""
    try:
        content = read_json(path)
        rows = tuple(Row(**row) for row in content["rows"])
        return ImageFormat(content["feature_key"], content["sample_rate"], content["hop_length"], rows)
    except FileNotFoundError:
        raise UserError(f"{path}: not there; is this a folder of hyper-images?") from None
    except KeyError as error:
        raise UserError(f"{path}: not the rows of a hyper-image: key {error} is missing") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not the rows of a hyper-image: {error}") from None


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
