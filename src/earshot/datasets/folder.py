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
    artist's name without case and blanks. What tags do not say is taken out of the names of files and
    folders (`earshot.datasets.folder_names`). Where the characters of an artist's name are lost
    (`????`), or it is one for many (`Various Artists`), the song has no artist. A file without a
    title is called by its name. Of files with the same bytes one is the song: the first one by path, of
    those whose names hold an artist.
Versions
    What sounds like the recording in another, larger file (`earshot.datasets.near_duplicates`) names that
    one in the column `version_of`. It is a proposal: both stay songs.
Sound
    Files are hard-linked into the delivery, on another volume copied: what changes a file in place
    changes it there too, until `earshot ingest` has made its copy. Whether a file can be decoded
    is not looked at here; the stage raw_audio sets aside what cannot.
"""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from earshot import columns
from earshot.datasets.folder_names import name_songs
from earshot.datasets.folder_tags import FileTags, read_tags
from earshot.datasets.importing.drafts import Draft, new_delivery, refuse_inside
from earshot.datasets.importing.names import artist_id, joined, plain
from earshot.datasets.importing.sources import same_bytes, walk
from earshot.datasets.near_duplicates import NOTHING, Fingerprint, fingerprint_of, propose_versions
from earshot.errors import UserError
from earshot.executors import parallel_map

_COMMON = (".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".wav", ".aif", ".aiff")
_RARE = (".au", ".wma", ".ape", ".wv", ".mpc", ".mka", ".m4b", ".mp2", ".caf", ".tta", ".webm", ".w64")
AUDIO_SUFFIXES = frozenset(_COMMON + _RARE)


@dataclass(frozen=True)
class FolderImport:
    """What was read and kept.

    Attributes
    ----------
    songs
        One a file of music, and one for files of the same bytes.
    artists
        Different ones; songs without an artist are not counted.
    with_artist, with_genre, with_recording_mbid
        Songs.
    artist_from_path
        Songs whose artist the names of file and folders say, and not the tags.
    same_bytes
        Files with the bytes of another one.
    proposed_versions
        Songs that seem to be the recording of another one.
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
    artist_from_path: int = 0
    same_bytes: int = 0
    proposed_versions: int = 0


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
    others = len(found) - len(music)
    with new_delivery(output, "folder") as draft:
        twins = _set_twins_aside(draft, folder, music)
        read = _read(draft, folder, [path for path in music if path not in twins])
        names, tags_read = [file.name for file in read], [file.tags for file in read]
        named = name_songs(names, tags_read, genre_folders=int(genres_from_folders))
        pairs = list(zip(read, named, strict=True))
        songs = [_song(draft, file, tags, genres_from_folders) for file, tags in pairs]
        if not songs:
            reason = draft.set_aside.first or f"there are {others} other files"
            raise UserError(f"{folder}: no music; wanted {', '.join(sorted(AUDIO_SUFFIXES))}; {reason}")
        draft.write_songs(songs)
    from_path = sum(bool(tags.artist and not file.tags.artist) for file, tags in pairs)
    return _summary(songs, others, draft.set_aside.count, from_path, len(twins))


def _set_twins_aside(draft: Draft, folder: Path, music: list[Path]) -> set[Path]:
    """The files with the bytes of another one; of each kind that one stays whose name holds an artist."""
    names = {path: _text(path.relative_to(folder)) for path in music}
    from_names = name_songs(list(names.values()), [FileTags()] * len(names))
    artists = {path: tags.artist for path, tags in zip(names, from_names, strict=True)}
    twins = same_bytes(sorted(music, key=lambda path: not artists[path]))
    for path in sorted(twins):
        wanted = f"other bytes than those of {names[twins[path]]}, which stands for both"
        draft.set_aside.add(names[path], None, "", wanted)
    return set(twins)


@dataclass(frozen=True)
class _File:
    """A file that becomes a song: where it lies, its path below the folder as text, what its tags say.

    `version_of` is a song_id, or `""`.
    """

    path: Path
    song_id: str
    name: str
    tags: FileTags
    version_of: str = ""


def _look(path: Path) -> tuple[FileTags, Fingerprint]:
    tags = read_tags(path)
    return tags, NOTHING if tags.reason else fingerprint_of(path)


def _read(draft: Draft, folder: Path, music: list[Path]) -> list[_File]:
    """The files of `music` that can be read, in that order; the others, and bad tags, set aside."""
    names = [_text(path.relative_to(folder)) for path in music]
    composed = {
        name for path, name in zip(music, names, strict=True) if _bytes(path, folder) == name.encode()
    }
    looked = parallel_map(_look, music, description="Reading tags and sound", unit="files", lost=_lost)
    read, sounds, seen = list[_File](), list[Fingerprint](), set[str]()
    for path, name, (tags, sound) in zip(music, names, looked, strict=True):
        own = _bytes(path, folder)
        is_other = name in seen or (name in composed and own != name.encode())
        song_id = blake2b(own if is_other else name.encode(), digest_size=8).hexdigest()
        seen.add(name)
        _report_left_out(draft, name, tags)
        if not tags.reason:
            read.append(_File(path, song_id, name, tags))
            sounds.append(sound)
    ids = {file.path: file.song_id for file in read}
    versions = {path: ids[best] for path, best in propose_versions(list(ids), sounds).items()}
    return [replace(file, version_of=versions.get(file.path, "")) for file in read]


def _report_left_out(draft: Draft, name: str, tags: FileTags) -> None:
    if tags.reason or tags.untagged:
        draft.set_aside.add(name, None, "", tags.reason or f"{tags.untagged}; taken in without")
    for tag in tags.garbled:
        wanted = "text; its characters are lost in a wrong code page; taken in without"
        draft.set_aside.add(name, None, tag, wanted)
    if tags.nobody:
        draft.set_aside.add(name, None, tags.nobody, "an artist; that is a name for many or for none")


def _lost(path: Path, reason: str) -> tuple[FileTags, Fingerprint]:
    return FileTags(untagged=f"tags that can be read: {reason}"), NOTHING


def _song(draft: Draft, song: _File, tags: FileTags, by_folder: bool) -> dict[str, str]:
    top, _, below = song.name.partition("/")
    return {
        columns.SONG_ID: song.song_id,
        columns.ARTIST_ID: artist_id(tags.artist),
        columns.ARTIST: tags.artist,
        columns.TITLE: tags.title,
        columns.GENRES: (joined([top]) if below else "") if by_folder else tags.genres,
        columns.AUDIO: draft.add_audio(song.song_id, song.path),
        columns.RECORDING_MBID: tags.recording_mbid,
        columns.PATH: plain(song.name),
        columns.VERSION_OF: song.version_of,
    }


def _bytes(path: Path, folder: Path) -> bytes:
    return os.fsencode(path.relative_to(folder))


def _text(path: Path) -> str:
    """`path` the same way on every system: composed letters, `/`; bytes that are no UTF-8 as `\\xff`."""
    return unicodedata.normalize("NFC", os.fsencode(path).decode(errors="backslashreplace"))


def _summary(
    songs: list[dict[str, str]], other_files: int, set_aside: int, artist_from_path: int, same_bytes: int
) -> FolderImport:
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
        artist_from_path=artist_from_path,
        same_bytes=same_bytes,
        proposed_versions=with_some(columns.VERSION_OF),
    )
