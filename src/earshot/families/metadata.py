"""What deliveries say of a song in words: genres, tags, the decade of its year."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from earshot.columns import GENRES, TAGS, YEAR, split_names
from earshot.features.families import SongSource
from earshot.params import HyperImages
from earshot.store.families import WORDS

FIELDS = (GENRES, TAGS, YEAR)


class Metadata:
    """Words such as `genres=jazz`, `tags=live`, `year=1990s`; a song of which nothing is said has none.

    Parameters
    ----------
    fields
        Which of `genres`, `tags` and `year`, columns of `songs.csv`.
    """

    name: ClassVar[str] = "metadata"
    unit: ClassVar[Literal["frame", "song"]] = "song"
    dtype: ClassVar[str] = WORDS
    version: ClassVar[int] = 1

    def __init__(self, fields: Sequence[str] = FIELDS) -> None:
        if not fields or not {*fields} <= {*FIELDS}:
            raise ValueError(f"fields={fields!r}: wanted some of {', '.join(FIELDS)}")
        self.fields = sorted({*fields})

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """The fields."""
        return [self.fields]

    def width(self, settings: HyperImages) -> int:
        """0: how many words there are hangs on the catalogue."""
        return 0

    def compute(self, song: SongSource, settings: HyperImages) -> list[str]:
        """Its words, sorted, each once, in lower case."""
        return sorted({f"{field}={word}" for field in self.fields for word in _words(field, song.row)})


def _words(field: str, row: Any) -> list[str]:
    value = row.get(field)
    text = value if isinstance(value, str) else ""
    if field == YEAR:
        year = re.match(r"\s*([12][0-9]{3})", text)  # a date such as 1994-05-01 begins with it
        return [f"{year[1][:3]}0s"] if year else []
    return [word.casefold() for word in split_names(text)]
