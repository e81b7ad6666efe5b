"""What a music file's own tags say: ID3, Vorbis comments, MP4 atoms, all through FFmpeg's libraries (PyAV).

FFmpeg reads the first of several values of an ID3v2.4 frame, joins those of Vorbis comments
with `;`, and leaves ID3's UFID frames out, in which taggers keep the MusicBrainz recording
id of an mp3; that one is looked for here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from earshot.audio.containers import open_container
from earshot.audio.probing import quiet_codecs
from earshot.datasets.importing.names import joined, plain

_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MBID_KEYS = ("musicbrainz_trackid", "musicbrainz track id", "musicbrainz/track id")
"""Of Vorbis and APE, of MP4, of ASF."""
_UFID = re.compile(rb"UFID.{6,8}http://musicbrainz\.org\0([0-9A-Fa-f-]{36})", re.DOTALL)


@dataclass(frozen=True)
class Tags:
    """Text, `""` where the file says nothing.

    Attributes
    ----------
    genres
        `;` between several.
    recording_mbid
        MusicBrainz's id of the recording.
    reason
        Why the file cannot be read at all.
    untagged
        Why no tags can be read in it; it may hold sound nevertheless.
    """

    artist: str = ""
    title: str = ""
    genres: str = ""
    recording_mbid: str = ""
    reason: str = ""
    untagged: str = ""


def read_tags(path: Path) -> Tags:
    """The tags of one file, which may be anything. For worker processes (`quiet_codecs`)."""
    if not path.is_file():
        return Tags(reason="a file that can be read: it is none, or a link to what is not there")
    try:
        ufid = _read_ufid(path)
    except OSError as error:
        return Tags(reason=f"a file that can be read: {error.strerror}")
    with quiet_codecs():
        said, untagged = _read_metadata(path)
    mbid = ufid or next((said[key] for key in _MBID_KEYS if key in said), "")
    return Tags(
        artist=plain(said.get("artist", "") or said.get("album_artist", "")),
        title=plain(said.get("title", "")),
        genres=joined(re.split("[;\0]", said.get("genre", ""))),
        recording_mbid=mbid.lower() if _MBID.fullmatch(mbid.lower()) else "",
        untagged=untagged,
    )


def _read_metadata(path: Path) -> tuple[dict[str, str], str]:
    """By key in lower case, of the container and of its sound (Ogg keeps them there)."""
    import av

    try:
        with path.open("rb") as file, open_container(file) as container:
            said = {**container.metadata}
            for stream in container.streams.audio:
                said |= {key: text for key, text in stream.metadata.items() if text}
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        return {}, f"tags that can be read: {getattr(error, 'strerror', None) or error}"
    return {key.lower(): text for key, text in said.items()}, ""


def _read_ufid(path: Path) -> str:
    """The MusicBrainz id in the ID3v2 tag that `path` starts with, or `""`."""
    with path.open("rb") as file:
        header = file.read(10)
        if len(header) < 10 or not header.startswith(b"ID3"):
            return ""
        size = sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], (21, 14, 7, 0), strict=True))
        found = _UFID.search(file.read(size))
    return found[1].decode() if found else ""
