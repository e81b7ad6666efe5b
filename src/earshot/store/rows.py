"""The rows of a hyper-image: their names, their families, and the fixed scale each is stored with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
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
        """Frame rate in Hz."""
        return self.sample_rate / self.hop_length

    def row_slice(self, families: Sequence[str]) -> NDArray[np.intp]:
        """Indices of the rows of `families`, `(n,)`, in stored order; UserError for one that is not there."""
        known = {row.family for row in self.rows}
        for family in families:
            if family not in known:
                raise UserError(
                    f"family {family!r} is not in the hyper-image; it holds {', '.join(sorted(known))}; "
                    "others are stored where hyper_images.families of params.yaml asks for them"
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
