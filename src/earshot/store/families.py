"""What a store says of the families beside the image that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError
from earshot.files import read_json, write_json

WORDS = "words"
"""The dtype of a family that says words of a song; an encoder hears which of those it knows are said."""


@dataclass(frozen=True)
class StoredFamily:
    """What a store says of a family that it holds; the attributes as of `FeatureFamily`.

    Attributes
    ----------
    key
        Lines with the same key were made by the same definition and may be mixed.
    heard
        Of unit `song`: whether its vectors are made of the sound, once, and lie in shards as images do.
    """

    name: str
    key: str
    unit: Literal["frame", "song"]
    dtype: str
    width: int
    heard: bool = False

    @property
    def in_shards(self) -> bool:
        """Whether there is a file of it for every shard of images."""
        return self.unit == "frame" or self.heard


def write_families(path: Path, families: Iterable[StoredFamily]) -> None:
    """Write families.json."""
    write_json(path, [asdict(family) for family in families])


def read_families(path: Path) -> dict[str, StoredFamily]:
    """By name, what `write_families` wrote to `path`; none where there is no file.

    Raises UserError where it is something else.
    """
    if not path.is_file():
        return {}
    try:
        return {family["name"]: StoredFamily(**family) for family in read_json(path)}
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: not the families of a store: {error}") from None


def multi_hot(words_by_song: Sequence[Sequence[str]], words: Sequence[str]) -> NDArray[np.float32]:
    """Which of `words` each song of `words_by_song` has, float32 (n, n_words), 1 where it has one.

    >>> multi_hot([["jazz", "sitar"], []], ["jazz", "rock"])
    array([[1., 0.],
           [0., 0.]], dtype=float32)
    """
    place = {word: number for number, word in enumerate(words)}
    found = np.zeros((len(words_by_song), len(words)), np.float32)
    for song, some in enumerate(words_by_song):
        found[song, [place[word] for word in some if word in place]] = 1
    return found
