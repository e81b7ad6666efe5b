"""What a music file's own tags say: ID3, Vorbis comments, MP4 atoms, all through FFmpeg's libraries (PyAV).

FFmpeg reads the first of several values of an ID3v2.4 frame, joins those of Vorbis comments
with `;`, and leaves ID3's UFID frames out, in which taggers keep the MusicBrainz recording
id of an mp3; that one is looked for here.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from earshot.audio.containers import open_container
from earshot.audio.probing import quiet_codecs
from earshot.datasets.importing.names import joined, match_key, plain

_MBID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MBID_KEYS = ("musicbrainz_trackid", "musicbrainz track id", "musicbrainz/track id")
"""Of Vorbis and APE, of MP4, of ASF."""
_GENRES = re.compile(r"[;\0,]\s*(?:(?:&|and\b)\s*)?", re.IGNORECASE)
"""Between genres: also as in Discogs' `Folk, World, & Country`."""
_NOBODY = frozenset(
    match_key(name)
    for name in (
        *("Various", "Various Artist", "Various Artists", "V.A.", "Varios Artistas", "Artisti vari"),
        *("Verschiedene", "Verschiedene Interpreten", "Diverse Interpreten", "Artistes divers"),
        *("Compilation", "Compilations", "Soundtrack", "Soundtracks"),
        *("Unknown", "Unknown Artist", "Unknown Artists", "No Artist"),
    )
)
_MOST_CHUNKS = 1000
_UFID = re.compile(rb"UFID.{6,8}http://musicbrainz\.org\0([0-9A-Fa-f-]{36})", re.DOTALL)


@dataclass(frozen=True)
class FileTags:
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
    garbled
        Artist and title of which nothing but replacements of lost characters is there.
    nobody
        What stood for an artist and names none: `Various Artists`.
    """

    artist: str = ""
    title: str = ""
    genres: str = ""
    recording_mbid: str = ""
    reason: str = ""
    untagged: str = ""
    garbled: tuple[str, ...] = ()
    nobody: str = ""


def read_tags(path: Path) -> FileTags:
    """The tags of one file, which may be anything. For worker processes (`quiet_codecs`)."""
    if not path.is_file():
        return FileTags(reason="a file that can be read: it is none, or a link to what is not there")
    try:
        ufid = _read_ufid(path)
    except OSError as error:
        return FileTags(reason=f"a file that can be read: {error.strerror}")
    with quiet_codecs():
        metadata, untagged = _read_metadata(path)
    title = plain(metadata.get("title", ""))
    artists = [text for key in ("artist", "album_artist") if (text := plain(metadata.get(key, "")))]
    artist = next((text for text in artists if is_artist(text)), "")
    garbled = tuple(text for text in (artist, title) if _is_lost(text))
    mbids = [ufid, *(metadata.get(key, "") for key in _MBID_KEYS)]
    return FileTags(
        artist="" if artist in garbled else artist,
        title="" if title in garbled else title,
        genres=joined(_GENRES.split(metadata.get("genre", ""))),
        recording_mbid=next((mbid for text in mbids for mbid in _several(text) if _MBID.fullmatch(mbid)), ""),
        untagged=untagged,
        garbled=garbled,
        nobody="" if artist or not artists else artists[0],
    )


def is_artist(name: str) -> bool:
    """Whether `name` can be an artist's: not one for many or for none, as `Various Artists`."""
    return bool(name) and match_key(name) not in _NOBODY


def _several(text: str) -> list[str]:
    """The values of one tag, as taggers and FFmpeg join them."""
    return re.split(r"[;/,\0\s]+", text.lower())


def _is_lost(text: str) -> bool:
    """Whether `text` was written in a code page without its characters: half of them or more are replaced.

    `?` stands for one only from a word's start on, and not alone: `Why??` and `?` are names.
    """
    replaced = text.count("\ufffd") + sum(map(len, re.findall(r"(?:^|(?<=[\s(\-]))\?{2,}", text)))
    return bool(replaced) and replaced >= sum(map(str.isalnum, text))


def _read_metadata(path: Path) -> tuple[dict[str, str], str]:
    """By key in lower case, of the container and of its sound (Ogg keeps them there)."""
    import av

    try:
        with path.open("rb") as file, open_container(file) as container:
            metadata = {**container.metadata}
            for stream in container.streams.audio:
                metadata |= {key: text for key, text in stream.metadata.items() if text}
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        return {}, f"tags that can be read: {getattr(error, 'strerror', None) or error}"
    return {key.lower(): text for key, text in metadata.items()}, ""


def _read_ufid(path: Path) -> str:
    """The MusicBrainz id in the ID3v2 tag of `path`, or `""`: at its start, or in a chunk of WAV or AIFF."""
    with path.open("rb") as file:
        found = _UFID.search(_id3(file))
    return found[1].decode() if found else ""


def _id3(file: BinaryIO) -> bytes:
    """The ID3v2 tag of a file. RIFF and AIFF: chunks of 4 bytes of name, 4 of length, padded to even."""
    header = file.read(12)  # "RIFF" or "FORM", a length, a kind; then chunks
    order = {b"RIFF": "<", b"RF64": "<", b"FORM": ">"}.get(header[:4])
    if order is None:
        file.seek(0)
        return _id3_here(file)
    for _ in range(_MOST_CHUNKS):
        if len(chunk := file.read(8)) < 8:
            break
        (size,) = struct.unpack(f"{order}I", chunk[4:])
        if chunk[:4] in (b"id3 ", b"ID3 "):
            return _id3_here(file)
        file.seek(size + size % 2, os.SEEK_CUR)
    return b""


def _id3_here(file: BinaryIO) -> bytes:
    header = file.read(10)
    if len(header) < 10 or not header.startswith(b"ID3"):
        return b""
    # four bytes of seven bits, the highest first
    size = sum((byte & 0x7F) << shift for byte, shift in zip(header[6:], (21, 14, 7, 0), strict=True))
    return file.read(size)
