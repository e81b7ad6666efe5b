"""Songs as another server of the same music knows them: found by MusicBrainz id, then path, then names."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

from earshot.columns import ARTIST, PATH, RECORDING_MBID, TITLE
from earshot.datasets.importing.names import match_key
from earshot.queries.library import Library


@dataclass(frozen=True)
class SongRef:
    """What the other server says of a song; `""`, nobody or None where it says nothing.

    Attributes
    ----------
    mbid
        Of the recording.
    path
        From the music folder.
    artists
        Names; one of them is enough.
    seconds
        How long it is.
    """

    title: str
    mbid: str = ""
    path: str = ""
    artists: tuple[str, ...] = ()
    album: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class SongRefs:
    """The songs of a library by what another server may say of them."""

    library: Library

    def find(self, ref: SongRef) -> int | None:
        """The row of a song; None where it is not there.

        Names are compared without regard to case, accents and punctuation. Of several songs with the same id
        or names it is one of the same album, if there is one, and of these the one nearest in length.
        """
        found: Sequence[int] = ()
        if ref.mbid:
            found = self._by_mbid.get(ref.mbid.strip().lower(), ())
        if not found and ref.path:
            found = self._by_path.get(ref.path.removeprefix("./"), ())
        for artist in ref.artists:
            found = found or self._by_names.get((match_key(artist), match_key(ref.title)), ())
        return min(found, key=lambda row: self._unlikeness(ref, row)) if found else None

    def _unlikeness(self, ref: SongRef, row: int) -> tuple[bool, float, int]:
        song = self.library.song(row)
        known = ref.seconds is not None and song.seconds is not None
        off = abs((ref.seconds or 0.0) - (song.seconds or 0.0)) if known else float("inf")
        return match_key(song.album) != match_key(ref.album), off, row

    @cached_property
    def _by_mbid(self) -> dict[Hashable, list[int]]:
        return _index([mbid.strip().lower() for mbid in self.library.table[RECORDING_MBID]])

    @cached_property
    def _by_path(self) -> dict[Hashable, list[int]]:
        return _index(list(self.library.table[PATH]))

    @cached_property
    def _by_names(self) -> dict[Hashable, list[int]]:
        artists, titles = ([match_key(name) for name in self.library.table[each]] for each in (ARTIST, TITLE))
        pairs = zip(artists, titles, strict=True)
        return _index([pair if all(pair) else "" for pair in pairs])


def _index(keys: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    """Rows by key; `""` is none."""
    found: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        if key:
            found.setdefault(key, []).append(row)
    return found
