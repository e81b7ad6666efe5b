"""Finding a song of a delivery by what others call it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from earshot.columns import ARTIST, PATH, RECORDING_MBID, SONG_ID, TITLE
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.names import exact_key, match_key, plain
from earshot.datasets.importing.play_columns import identifier, text
from earshot.datasets.importing.rows import column_names, read_rows
from earshot.datasets.importing.sources import SourceFile, one_file
from earshot.errors import UserError
from earshot.foreign.bounds import named_columns


class Match(StrEnum):
    """How a song was found, or why not."""

    MBID = "mbid"
    PATH = "path"
    EXACT_NAME = "exact name"
    LOOSE_NAME = "loose name"
    AMBIGUOUS = "ambiguous"
    UNMATCHED = "unmatched"


class SongIndex:
    """Songs by MusicBrainz recording id, by path, and by artist and title.

    `alike` counts those that nothing leads to but to one before them.
    """

    def __init__(self) -> None:
        self.alike = 0
        self._by_mbid: dict[str, str] = {}
        self._by_path: dict[str, str] = {}
        self._by_name: dict[tuple[str, str], str] = {}
        self._by_loose_name: dict[tuple[str, str], str] = {}
        """`""` where differently named songs share it."""

    def add(self, song_id: str, mbid: str, artist: str, title: str, path: str = "") -> None:
        """Have the song found by what it has of these, where no song before it is."""
        found = set[str]()
        if mbid:
            found.add(self._by_mbid.setdefault(mbid.lower(), song_id))
        if path:
            found.add(self._by_path.setdefault(_normal(path), song_id))
        if plain(artist) and plain(title):
            found.add(self._add_name(song_id, artist, title))
        self.alike += bool(found) and song_id not in found

    def _add_name(self, song_id: str, artist: str, title: str) -> str:
        named = self._by_name.setdefault((exact_key(artist), exact_key(title)), song_id)
        loose = match_key(artist), match_key(title)
        if self._by_loose_name.setdefault(loose, named) != named:
            self._by_loose_name[loose] = ""
        return named

    def find(self, mbids: Iterable[str], artist: str, title: str, path: str = "") -> tuple[str, Match]:
        """The song, `""` where there is none or more than one, and how it was found."""
        for mbid in mbids:
            if song_id := self._by_mbid.get(mbid.lower()):
                return song_id, Match.MBID
        if path and (song_id := self._by_path.get(_normal(path))):
            return song_id, Match.PATH
        if song_id := self._by_name.get((exact_key(artist), exact_key(title))):
            return song_id, Match.EXACT_NAME
        loose = self._by_loose_name.get((match_key(artist), match_key(title)))
        if loose == "":
            return "", Match.AMBIGUOUS
        return (loose, Match.LOOSE_NAME) if loose else ("", Match.UNMATCHED)


def _normal(path: str) -> str:
    """`path` as the column of songs has it."""
    return unicodedata.normalize("NFC", plain(path))


def read_song_index(delivery: Path, set_aside: SetAside) -> SongIndex:
    """The songs of a delivery, in the order of its table.

    Raises
    ------
    UserError
        No table of songs, or one with neither MBIDs nor artists and titles.
    """
    file = _song_file(delivery)
    there = column_names(file, Layout())
    known = [column for column in (RECORDING_MBID, ARTIST, TITLE) if column in there]
    if known not in ([RECORDING_MBID, ARTIST, TITLE], [RECORDING_MBID], [ARTIST, TITLE]):
        names = named_columns(there)
        raise UserError(f"{file.path}: wanted {RECORDING_MBID}, or {ARTIST} and {TITLE}; there are {names}")
    known += [PATH] * (PATH in there)
    index = SongIndex()
    for _, rows in read_rows(file, [identifier(SONG_ID), *map(text, known)], Layout(), set_aside):
        for song in rows.to_pylist():
            named = (song.get(column, "") for column in (RECORDING_MBID, ARTIST, TITLE, PATH))
            index.add(song[SONG_ID], *named)
    return index


def _song_file(delivery: Path) -> SourceFile:
    for name in ("songs.csv", "songs.parquet"):
        if (delivery / name).is_file():
            return one_file(delivery / name)
    raise UserError(f"{delivery}: wanted a delivery with songs.csv or songs.parquet")
