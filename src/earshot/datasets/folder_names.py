"""Artist and title out of the names of files and folders, for what their tags do not say.

Names are `Artist - Title`, with blanks, and `Title_-_Artist`, with underscores; a track number may
stand before them, album and track number between. Either may be the other way round, which the other
names in the same folder tell: names of artists that are known, else the side that repeats itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from earshot.datasets.folder_tags import FileTags, is_artist
from earshot.datasets.importing.names import match_key, plain

_DASH = re.compile(r"\s+[-–—]\s+|_+[-–—]_+")
_TRACK = re.compile(r"^(?:(?:\d-)?\d{1,2}(?:\s*[.)]\s*|\s+[-–—]\s+|_+[-–—]_+|-(?=\D))|0\d[\s_]+)(?=.)")
"""`01 - `, `1. `, `2-03 - `, `01 `; not the number of `99 Luftballons` and `7 Seconds`."""
_LISTED = re.compile(r"^\d{1,3}[\s._)-]+(?=[^\s._)-])")
"""A track number where the place of the file says that there is one."""
_NUMBER = re.compile(r"(?:\d-)?\d{1,3}\.?")
_DISC = re.compile(r"(?:cd|dis[ck])\W*\d+", re.IGNORECASE)
_QUALITY = re.compile(r"[._ -](?:hq|lq)$", re.IGNORECASE)
_NO_TITLE = re.compile(r"(?:mixture|mix|audio|track|song|master)?\W*\d*", re.IGNORECASE)


@dataclass(frozen=True)
class _Name:
    """The two sides of a name; `form` is what it shares with those that are read the same way."""

    left: str
    right: str
    form: tuple[str, bool]
    is_folder: bool

    @property
    def sides(self) -> tuple[str, str]:
        return match_key(self.left), match_key(self.right)


def name_songs(paths: Sequence[str], tags_read: Sequence[FileTags], genre_folders: int = 0) -> list[FileTags]:
    """`tags_read`, with artist and title out of the paths where they are missing.

    Parameters
    ----------
    paths
        Below the folder that is imported, `/` between names.
    tags_read
        What the tags of each file say.
    genre_folders
        How many folders on the way to a file are genres, and no artists.

    Returns
    -------
    As `tags_read`; a title is never `""`.
    """
    alone = _alone(paths)
    names = [_name(path, genre_folders, path in alone) for path in paths]
    known = {match_key(tags.artist) for tags in tags_read if tags.artist}
    known |= {match_key(folder) for path in paths for folder in PurePosixPath(path).parts[genre_folders:-1]}
    turned = _turned({name for name in names if name}, known - {""})
    return [
        _fill(path, tags, name, bool(name and turned[name.form]), genre_folders)
        for path, tags, name in zip(paths, tags_read, names, strict=True)
    ]


def _alone(paths: Sequence[str]) -> set[str]:
    """Those that have a folder for themselves."""
    by_folder: dict[PurePosixPath, list[str]] = {}
    for path in paths:
        by_folder.setdefault(PurePosixPath(path).parent, []).append(path)
    return {songs[0] for songs in by_folder.values() if len(songs) == 1}


def _name(path: str, genre_folders: int, alone: bool) -> _Name | None:
    """The file's name where it has two sides, else that of the nearest folder that has."""
    file = PurePosixPath(path)
    if name := _split(_QUALITY.sub("", file.stem), str(file.parent), is_folder=False):
        return name
    folders = [folder for folder in file.parents if len(folder.parts) > genre_folders]
    for folder in folders:
        if name := _split(folder.name, str(folder.parent), is_folder=not alone or bool(_title(file.stem))):
            return name
    return None


def _split(text: str, place: str, is_folder: bool) -> _Name | None:
    underscored = "_" in text and " " not in text
    parts = [plain(part) for part in _DASH.split(_TRACK.sub("", text))]
    parts = [plain(part.replace("_", " ")) if underscored else part for part in parts if part]
    numbers = [place for place, part in enumerate(parts) if place and _NUMBER.fullmatch(part)]
    if numbers and numbers[-1] + 1 < len(parts):  # Artist - Album - 01 - Title
        parts = [parts[0], *parts[numbers[-1] + 1 :]]
    if len(parts) < 2 or not all(map(match_key, parts)):
        return None
    return _Name(parts[0], " - ".join(parts[1:]), (place, underscored and len(parts) == 2), is_folder)


def _turned(names: set[_Name], known: set[str]) -> dict[tuple[str, bool], bool]:
    """Whether the artist stands on the right, for each form of name."""
    by_form: dict[tuple[str, bool], list[tuple[str, str]]] = {}
    for name in names:
        by_form.setdefault(name.form, []).append(name.sides)
    turned = {}
    for form, sides in by_form.items():
        lefts, rights = zip(*sides, strict=True)
        votes = [sum(side in known for side in lefts), sum(side in known for side in rights)]
        if votes[0] == votes[1]:  # the more different ones are titles
            votes = [len(set(rights)), len(set(lefts))]
        turned[form] = votes[0] < votes[1] or (votes[0] == votes[1] and form[1])
    return turned


def _fill(path: str, tags: FileTags, name: _Name | None, turned: bool, genre_folders: int) -> FileTags:
    file = PurePosixPath(path)
    artist, title = "", ""
    if name:
        artist, title = (name.right, name.left) if turned else (name.left, name.right)
        if match_key(artist) == match_key(tags.title) or match_key(title) == match_key(tags.artist):
            artist, title = title, artist  # a tag says which is which
        if tags.artist and match_key(tags.artist) != match_key(artist):
            title = ""  # the name says something else
        if name.is_folder:
            title = _title(file.stem)
    elif listed := _listed_artist(file, genre_folders):
        artist, title = listed, _words(_LISTED.sub("", file.stem))
    if not is_artist(artist):
        artist = ""
    return replace(tags, artist=tags.artist or artist, title=tags.title or title or plain(file.stem))


def _listed_artist(file: PurePosixPath, genre_folders: int) -> str:
    """The artist's folder of `Artist/Album/01 Title.mp3`."""
    folders = [name for name in file.parts[genre_folders:-1] if not _DISC.fullmatch(name)]
    return _words(folders[-2]) if len(folders) >= 2 and _LISTED.match(file.stem) else ""


def _title(stem: str) -> str:
    """A file's name as a title, `""` where it is nothing but a number or `mixture`."""
    return "" if _NO_TITLE.fullmatch(stem) else _words(_TRACK.sub("", stem))


def _words(text: str) -> str:
    """Underscores are blanks where there are no others."""
    return plain(text if " " in text else text.replace("_", " "))
