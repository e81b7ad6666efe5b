"""By whom a song is, for encoders that know where the artist's other songs are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from earshot.columns import ARTIST_ID
from earshot.features.families import SongSource
from earshot.params import HyperImages
from earshot.store.families import WORDS


class SongArtist:
    """The `artist_id` of a song, as its one word; none of a song whose delivery names no artist."""

    name: ClassVar[str] = "artist"
    unit: ClassVar[Literal["frame", "song"]] = "song"
    dtype: ClassVar[str] = WORDS
    version: ClassVar[int] = 1

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """Nothing."""
        return []

    def width(self, settings: HyperImages) -> int:
        """0: a word."""
        return 0

    def compute(self, song: SongSource, settings: HyperImages) -> list[str]:
        """Its artist, if there is one."""
        artist = song.row.get(ARTIST_ID)
        return [artist] if isinstance(artist, str) and artist else []
