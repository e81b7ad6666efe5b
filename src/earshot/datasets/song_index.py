"""Finding a song of a delivery by what others call it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from earshot.columns import ARTIST, RECORDING_MBID, SONG_ID, TITLE
from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.names import match_key
from earshot.datasets.importing.play_columns import identifier, text
from earshot.datasets.importing.rows import column_names, read_rows
from earshot.datasets.importing.sources import SourceFile, one_file
from earshot.errors import UserError


class SongIndex:
    """Songs by MusicBrainz recording id and by artist and title.

    `alike` counts those that nothing leads to but to one before them.
    """

    def __init__(self) -> None:
        self.alike = 0
        self._by_mbid: dict[str, str] = {}
        self._by_name: dict[tuple[str, str], str] = {}

    def add(self, song_id: str, mbid: str, artist: str, title: str) -> None:
        """Have the song found by what it has of these, where no song before it is."""
        found = set[str]()
        if mbid:
            found.add(self._by_mbid.setdefault(mbid.lower(), song_id))
        if artist and title:
            found.add(self._by_name.setdefault((match_key(artist), match_key(title)), song_id))
        self.alike += bool(found) and song_id not in found

    def find(self, mbids: Iterable[str], artist: str, title: str) -> tuple[str, str]:
        """The song, and how it was found: `mbid`, `name`, or not at all (both `""`)."""
        for mbid in mbids:
            if mbid in self._by_mbid:
                return self._by_mbid[mbid], "mbid"
        song_id = self._by_name.get((match_key(artist), match_key(title)), "")
        return song_id, "name" if song_id else ""


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
        names = ", ".join(map(repr, there))
        raise UserError(f"{file.path}: wanted {RECORDING_MBID}, or {ARTIST} and {TITLE}; there are {names}")
    index = SongIndex()
    for _, rows in read_rows(file, [identifier(SONG_ID), *map(text, known)], Layout(), set_aside):
        for song in rows.to_pylist():
            named = (song.get(column, "") for column in (RECORDING_MBID, ARTIST, TITLE))
            index.add(song[SONG_ID], *named)
    return index


def _song_file(delivery: Path) -> SourceFile:
    for name in ("songs.csv", "songs.parquet"):
        if (delivery / name).is_file():
            return one_file(delivery / name)
    raise UserError(f"{delivery}: wanted a delivery with songs.csv or songs.parquet")
