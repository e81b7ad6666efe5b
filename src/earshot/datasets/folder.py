"""A folder of music: songs and their sound, named by the tags in the files.

Source
    Yours: any folder of mp3, flac, ogg, m4a ... files; it is only read. With
    `genres_from_folders` the first folder on the way to a file is its genre, which is how GTZAN
    (`genres/blues/blues.00000.wav`) and the Homburg set (`rock/...mp3`) are laid out.
Licence, citation
    Those of the music. GTZAN: G. Tzanetakis, P. Cook. Musical genre classification of audio
    signals. IEEE Transactions on Speech and Audio Processing, 2002. Homburg: H. Homburg,
    I. Mierswa, B. Möller, K. Morik, M. Wurst. A benchmark dataset for audio classification and
    clustering. ISMIR 2005.
Ids
    A song_id is a hash of the path below the folder, its letters composed: it stays when the folder moves
    or the tags change, and changes when the file does. Of two files whose names differ in
    that alone, the composed one has it, the other a hash of its own bytes. The path itself stands in
    the column `path`, the MusicBrainz id of the recording in `recording_mbid`. artist_id is the
    artist's name without case and blanks. Where the characters of an artist's name are lost (`????`),
    the song has no artist. A file without a title is called by its name.
Sound
    Files are hard-linked into the delivery, on another volume copied: what changes a file in place
    changes it there too, until `earshot ingest` has made its copy. Whether a file can be decoded
    is not looked at here; the stage raw_audio sets aside what cannot.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from earshot import columns
from earshot.datasets.folder_tags import Tags, read_tags
from earshot.datasets.importing.drafts import Draft, new_delivery, refuse_inside
from earshot.datasets.importing.names import artist_id, joined, plain
from earshot.datasets.importing.sources import walk
from earshot.errors import UserError
from earshot.pool import parallel_map

_COMMON = (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".wav", ".aif", ".aiff")
_RARE = (".au", ".wma", ".ape", ".wv", ".mpc", ".mka", ".m4b", ".mp2", ".caf", ".tta", ".webm", ".w64")
AUDIO_SUFFIXES = frozenset(_COMMON + _RARE)


@dataclass(frozen=True)
class FolderImport:
    """What was read and kept.

    Attributes
    ----------
    songs
        One a file of music.
    artists
        Different ones; songs without an artist are not counted.
    with_artist, with_genre, with_recording_mbid
        Songs.
    other_files
        That are no music by their name.
    set_aside
        Files that cannot be read, and songs whose tags cannot.
    """

    songs: int
    artists: int
    with_artist: int
    with_genre: int
    with_recording_mbid: int
    other_files: int
    set_aside: int


def import_folder(folder: Path, output: Path, *, genres_from_folders: bool = False) -> FolderImport:
    """Write the music in `folder` as the delivery `output`.

    Raises
    ------
    UserError
        No such folder, none with music, or one that `output` lies in.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; wanted one with music")
    refuse_inside(output, folder)
    found = list(walk(folder))
    music = [path for path in found if path.suffix.lower() in AUDIO_SUFFIXES]
    with new_delivery(output, "folder") as draft:
        songs = list(_songs(draft, folder, music, genres_from_folders))
        if not songs:
            first = draft.set_aside.first or f"there are {len(found)} other files"
            raise UserError(f"{folder}: no music; wanted {', '.join(sorted(AUDIO_SUFFIXES))}; {first}")
        draft.write_songs(songs)
    return _summary(songs, len(found) - len(music), draft.set_aside.count)


def _songs(draft: Draft, folder: Path, music: list[Path], by_folder: bool) -> Iterator[dict[str, str]]:
    names = [_text(path.relative_to(folder)) for path in music]
    composed = {
        name for path, name in zip(music, names, strict=True) if _bytes(path, folder) == name.encode()
    }
    tags = parallel_map(read_tags, music, description="Reading tags", unit="files", lost=_lost)
    seen = set[str]()
    for path, name, said in zip(music, names, tags, strict=True):
        own = _bytes(path, folder)
        is_other = name in seen or (name in composed and own != name.encode())
        song_id = blake2b(own if is_other else name.encode(), digest_size=8).hexdigest()
        seen.add(name)
        if said.reason or said.untagged:
            draft.set_aside.add(name, None, "", said.reason or f"{said.untagged}; taken in without")
        for tag in said.garbled:
            wanted = "text; its characters are lost in a wrong code page; taken in without"
            draft.set_aside.add(name, None, tag, wanted)
        if not said.reason:
            yield _song(draft, path, song_id, name, said, by_folder)


def _lost(path: Path, reason: str) -> Tags:
    return Tags(untagged=f"tags that can be read: {reason}")


def _song(draft: Draft, path: Path, song_id: str, name: str, said: Tags, by_folder: bool) -> dict[str, str]:
    top, _, below = name.partition("/")
    return {
        columns.SONG_ID: song_id,
        columns.ARTIST_ID: artist_id(said.artist),
        columns.ARTIST: said.artist,
        columns.TITLE: said.title or plain(Path(name).stem),
        columns.GENRES: (joined([top]) if below else "") if by_folder else said.genres,
        columns.AUDIO: draft.add_audio(song_id, path),
        columns.RECORDING_MBID: said.recording_mbid,
        columns.PATH: plain(name),
    }


def _bytes(path: Path, folder: Path) -> bytes:
    return os.fsencode(path.relative_to(folder))


def _text(path: Path) -> str:
    """`path` the same way on every system: composed letters, `/`; bytes that are no UTF-8 as `\\xff`."""
    return unicodedata.normalize("NFC", os.fsencode(path).decode(errors="backslashreplace"))


def _summary(songs: list[dict[str, str]], other_files: int, set_aside: int) -> FolderImport:
    def with_some(column: str) -> int:
        return sum(bool(song[column]) for song in songs)

    return FolderImport(
        songs=len(songs),
        artists=len({song[columns.ARTIST_ID] for song in songs} - {""}),
        with_artist=with_some(columns.ARTIST),
        with_genre=with_some(columns.GENRES),
        with_recording_mbid=with_some(columns.RECORDING_MBID),
        other_files=other_files,
        set_aside=set_aside,
    )
