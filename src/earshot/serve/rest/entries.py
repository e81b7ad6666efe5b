"""Songs, albums and artists as the protocol has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from earshot.pages.songs import MEDIA_TYPES
from earshot.queries.library import NO_ALBUM, Group, Library, LibrarySong
from earshot.serve.rest.calls import Call

Entry = dict[str, Any]


def songs(call: Call, rows: Iterable[int]) -> list[Entry]:
    """Each a `Child`, in their order, with when the listener who asks has starred it."""
    marks = call.request.app.state.journal
    starred = {} if call.user is None else marks.liked(call.user)
    return [_child(call.library.song(row), starred) for row in rows]


def song(call: Call, row: int) -> Entry:
    """A `Child`."""
    return songs(call, [row])[0]


def _child(song: LibrarySong, starred: Mapping[str, str]) -> Entry:
    suffix = PurePosixPath(song.audio).suffix.lower()
    has_sound = suffix in MEDIA_TYPES
    return {
        "id": song.song_id,
        "parent": song.album_id,
        "isDir": False,
        "title": song.title or song.song_id,
        "album": song.album or NO_ALBUM,
        "artist": song.artist or None,
        "track": song.track,
        "year": song.year,
        "genre": song.genres[0] if song.genres else None,
        "genres": [{"name": name} for name in song.genres],
        "coverArt": song.song_id,
        "contentType": MEDIA_TYPES[suffix] if has_sound else None,
        "suffix": suffix.removeprefix(".") if has_sound else None,
        "duration": None if song.seconds is None else round(song.seconds),
        "path": song.path or None,
        "isVideo": False,
        "type": "music",
        "mediaType": "song",
        "created": _time(song.day),
        "starred": starred.get(song.song_id),
        "albumId": song.album_id,
        "artistId": song.artist_id,
        "artists": [{"id": song.artist_id, "name": song.artist}] if song.artist_id else [],
        "displayArtist": song.artist or None,
        "musicBrainzId": song.recording_mbid or None,
    }


def album(library: Library, group: Group) -> Entry:
    """An `AlbumID3`; what its songs say differently is told as the first of them does."""
    found = [library.song(int(row)) for row in group.songs]
    first = found[0]
    return {
        "id": group.id,
        "name": group.name,
        "artist": first.artist or None,
        "artistId": first.artist_id,
        "artists": [{"id": first.artist_id, "name": first.artist}] if first.artist_id else [],
        "displayArtist": first.artist or None,
        "coverArt": first.song_id,
        "songCount": len(found),
        "duration": round(sum(song.seconds or 0.0 for song in found)),
        "created": _time(max((song.day for song in found if song.day), default=None)),
        "year": first.year,
        "genre": first.genres[0] if first.genres else None,
        "genres": [{"name": name} for name in first.genres],
    }


def artist(library: Library, group: Group) -> Entry:
    """An `ArtistID3`."""
    return {
        "id": group.id,
        "name": group.name,
        "coverArt": library.song(int(group.songs[0])).song_id,
        "albumCount": len(library.albums_of(group)),
    }


def _time(day: date | None) -> str:
    """As the protocol wants it; a delivery of which it was not noted came at the beginning of time."""
    return f"{day or date(1970, 1, 1)}T00:00:00Z"
