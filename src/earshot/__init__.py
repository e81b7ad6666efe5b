"""earshot recommends songs nobody has played yet, from how they sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from earshot.features.hyper_image import HyperImage

__version__ = "0.1.0"


def hyper_image(path: Path | str) -> HyperImage:
    """The hyper-image of an audio file, its `values` and `rows`.

    See `earshot.features.hyper_image`. Raises `earshot.audio.decoding.AudioError`
    for a file that has none.
    """
    from earshot.features.hyper_image import hyper_image_of

    return hyper_image_of(Path(path))
