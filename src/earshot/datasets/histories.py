"""A listening history of whichever kind: what it is, and its plays as a delivery."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from earshot.datasets.importing.unpacking import PACKED_SUFFIXES
from earshot.datasets.lastfm import import_lastfm
from earshot.datasets.listenbrainz import import_listenbrainz
from earshot.datasets.matching import MatchedImport
from earshot.datasets.navidrome import import_navidrome
from earshot.errors import UserError

_HEAD_BYTES = 1 << 16
_TEXTS = (".csv", ".tsv", ".txt", ".json")


class History(StrEnum):
    """Who wrote it."""

    LISTENBRAINZ = "ListenBrainz"
    LASTFM = "Last.fm"
    NAVIDROME = "Navidrome"


def kind_of(export: Path) -> History:
    """What a file, or for ListenBrainz a folder, seems to be, by its name and its first bytes.

    Raises
    ------
    UserError
        It is not there, cannot be read, or is of no kind known here.
    """
    if export.is_dir():
        return History.LISTENBRAINZ
    try:
        with export.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise UserError(f"{export}: {error.strerror}; wanted a listening history") from None
    name = export.name.lower()
    if head.startswith(b"SQLite format 3\0"):
        return History.NAVIDROME
    if "lastfm" in name or "last.fm" in name:
        return History.LASTFM
    if b'"track_metadata"' in head or name.endswith((".listens", ".jsonl", *PACKED_SUFFIXES)):
        return History.LISTENBRAINZ
    if name.endswith(_TEXTS):
        return History.LASTFM
    raise UserError(
        f"{export}: wanted an export of ListenBrainz (.zip, .jsonl, .listens, a dump), of Last.fm (.csv, "
        ".json) or navidrome.db; `earshot import table` reads any other table"
    )


def import_history(export: Path, output: Path, *, songs: Path, user: str) -> MatchedImport:
    """Write the plays of `songs` in `export` as the delivery `output`.

    Parameters
    ----------
    songs
        The delivery whose songs they are matched to.
    user
        Who listened, where the history does not say it.

    Raises
    ------
    UserError
        As of `kind_of` and of the module that reads it.
    """
    kind = kind_of(export)
    if kind is History.NAVIDROME:
        return import_navidrome(export, output, songs=songs)
    read = import_lastfm if kind is History.LASTFM else import_listenbrainz
    return read([str(export)], output, songs=songs, user=user)
