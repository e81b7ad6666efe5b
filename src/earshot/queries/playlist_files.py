"""A list for a player, as a file: M3U8, XSPF (https://xspf.org), or JSPF as ListenBrainz has it.

What deliveries say is not to be trusted here: it stands in files that other programs follow. Texts lose their
control characters, and a file is named only by a path that stays below the folder that the playlist lies in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from earshot.errors import UserError
from earshot.files import replace_text
from earshot.queries.library import Library, LibrarySong
from earshot.queries.served_files import SERVED
from earshot.queries.state import ServedState

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
"""Also line separators, what turns the direction of writing, and what XML cannot hold."""
_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_RECORDING = "https://musicbrainz.org/recording/"
_JSPF = "https://musicbrainz.org/doc/jspf#playlist"
_XSPF = "http://xspf.org/ns/0/"


@dataclass(frozen=True)
class PlaylistFile:
    """What is written.

    Attributes
    ----------
    title
        Of the list.
    listener
        Whose it is.
    songs
        In their order.
    release, model
        The release that chose them, and the hash of what it serves.
    made
        ISO 8601, UTC.
    """

    title: str
    listener: str
    songs: Sequence[LibrarySong]
    release: str
    model: str
    made: str


def write_playlist(file: Path, served: ServedState, user: str, songs: Sequence[str]) -> int:
    """Write songs for a listener, in the format that the ending of `file` names; whole or not at all.

    Paths are as the song table has them, relative to the music folder: the file is to lie there.

    Returns
    -------
    How many songs were left out: of .m3u8, which knows songs by their paths alone, those without one.

    Raises
    ------
    UserError
        Another ending; no song of a .m3u8 has a path; a folder that is not there.
    """
    written = _FORMATS.get(file.suffix.lower())
    if written is None:
        raise UserError(f"--playlist {file}: wanted a name that ends in {', '.join(_FORMATS)}")
    found = playlist_of(served, Library.of(served), f"earshot for {plain(user)}", user, songs)
    with_path = [song for song in found.songs if safe_path(song.path)]
    if written is as_m3u8 and not with_path:
        raise UserError(
            f"--playlist {file}: none of {len(found.songs):,} songs has a path in the music folder, as "
            "`earshot import folder` notes it; .jspf and .xspf have songs by their names"
        )
    try:
        replace_text(file, written(found))
    except OSError as error:
        raise UserError(f"--playlist {file}: {error.strerror}") from None
    return len(songs) - len(with_path if written is as_m3u8 else found.songs)


def playlist_of(
    served: ServedState, library: Library, title: str, user: str, songs: Sequence[str]
) -> PlaylistFile:
    """Songs for a listener with what is known of them; those that are not served are left out."""
    rows = [library.row(song) for song in songs]
    found = [library.song(row) for row in rows if row is not None]
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return PlaylistFile(title, plain(user), found, served.release, str(served.outputs[SERVED].md5), made)


def as_m3u8(playlist: PlaylistFile) -> str:
    """A line about each song and one with its path; songs without one have no lines."""
    lines = ["#EXTM3U", f"#PLAYLIST:{plain(playlist.title)}"]
    for song in playlist.songs:
        path = safe_path(song.path)
        if path:
            seconds = -1 if song.seconds is None else round(song.seconds)
            lines += [f"#EXTINF:{seconds},{_named(song)}", path]
    return "\n".join([*lines, ""])


def as_xspf(playlist: PlaylistFile) -> str:
    """XSPF 1; a song without a path has no location, and players look for it by its names."""
    root = ElementTree.Element("playlist", {"version": "1", "xmlns": _XSPF})
    _add(root, "title", plain(playlist.title))
    _add(root, "creator", "earshot")
    _add(root, "date", playlist.made)
    tracks = ElementTree.SubElement(root, "trackList")
    for song in playlist.songs:
        track = ElementTree.SubElement(tracks, "track")
        for name, value in _told(song).items():
            for text in value if isinstance(value, list) else [value]:
                _add(track, name, str(text))
    ElementTree.indent(root)
    return "<?xml version='1.0' encoding='UTF-8'?>\n" + ElementTree.tostring(root, encoding="unicode") + "\n"


def as_jspf(playlist: PlaylistFile) -> str:
    """JSPF with the extension of ListenBrainz: recordings by MusicBrainz id, and what chose them."""
    algorithm = {"source": "earshot", "release": playlist.release, "model": playlist.model}
    extension = {
        "creator": "earshot",
        "created_for": playlist.listener,
        "public": False,
        "last_modified_at": playlist.made,
        "additional_metadata": {"algorithm_metadata": algorithm},
    }
    content = {
        "title": plain(playlist.title),
        "creator": "earshot",
        "date": playlist.made,
        "track": [_told(song) for song in playlist.songs],
        "extension": {_JSPF: extension},
    }
    return json.dumps({"playlist": content}, indent=2, ensure_ascii=False) + "\n"


def _told(song: LibrarySong) -> dict[str, Any]:
    """Of a song, what XSPF and JSPF have by the same names, in the order that XSPF wants."""
    path = safe_path(song.path)
    mbid = song.recording_mbid.strip().lower()
    told = {
        "location": [quote(path)] if path else None,
        "identifier": [_RECORDING + mbid] if _MBID.fullmatch(mbid) else None,
        "title": plain(song.title or song.song_id),
        "creator": plain(song.artist),
        "album": plain(song.album),
        "duration": None if song.seconds is None else round(song.seconds * 1000),
    }
    return {name: value for name, value in told.items() if value not in (None, "")}


def plain(text: str) -> str:
    """A text without control characters, on one line.

    >>> plain("Nine\\nRivers")
    'Nine Rivers'
    """
    return _CONTROLS.sub(" ", text).strip()


def safe_path(path: str) -> str | None:
    """A path of a song table as a playlist may name it; None for one that leads out of the music folder.

    It begins with `./`, so that none is read as a remark, an address or a drive. Control characters would
    make it another file's, so there is none then.

    >>> safe_path("Ada/#1.flac"), safe_path("../secret"), safe_path("/etc/passwd"), safe_path("")
    ('./Ada/#1.flac', None, None, None)
    """
    windows = PureWindowsPath(path)
    leads_out = ".." in windows.parts or windows.drive or windows.root
    if not path or path != path.strip() or _CONTROLS.search(path) or leads_out:
        return None
    return f"./{PurePosixPath(path)}"


def _named(song: LibrarySong) -> str:
    return " - ".join(filter(None, [plain(song.artist), plain(song.title or song.song_id)]))


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


_FORMATS: dict[str, Callable[[PlaylistFile], str]] = {".m3u8": as_m3u8, ".xspf": as_xspf, ".jspf": as_jspf}
