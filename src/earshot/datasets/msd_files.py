"""The files around the Taste Profile: which track a song is, what it is called, its tags, its preview."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from pathlib import Path

from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.names import joined
from earshot.datasets.importing.sources import one_file, read_lines, walk
from earshot.datasets.importing.sqlite_tables import open_tables
from earshot.errors import UserError
from earshot.processes import progress

_SONG = re.compile("SO[A-Z0-9]{16}")
_TRACK = re.compile("TR[A-Z0-9]{16}")
_MISMATCH = re.compile(r"ERROR: <(SO[A-Z0-9]{16}) (TR[A-Z0-9]{16})> .*", re.DOTALL)


def read_song_tracks(path: Path, set_aside: SetAside) -> dict[str, list[str]]:
    """`taste_profile_song_to_tracks.txt`: the tracks of each song, `song \\t track [\\t track ...]`.

    Some songs have no track.
    """
    file = one_file(path)
    tracks: dict[str, list[str]] = {}
    for number, line in read_lines(file, set_aside):
        song, *fields = line.split("\t")
        named = [field for field in fields if field]
        if _SONG.fullmatch(song) and all(map(_TRACK.fullmatch, named)):
            tracks.setdefault(song, []).extend(named)
        else:
            set_aside.add(file.name, number, line, "SO... and its tracks TR..., tabs between")
    return tracks


def read_unique_tracks(
    path: Path, songs: Collection[str], set_aside: SetAside
) -> dict[str, tuple[str, str, str]]:
    """`unique_tracks.txt`, `track<SEP>song<SEP>artist<SEP>title`: song, artist and title by track.

    Only of tracks of `songs`; the file has a million.
    """
    file = one_file(path)
    tracks: dict[str, tuple[str, str, str]] = {}
    for number, line in read_lines(file, set_aside):
        fields = line.split("<SEP>")
        if len(fields) != 4 or not (_TRACK.fullmatch(fields[0]) and _SONG.fullmatch(fields[1])):
            set_aside.add(file.name, number, line, "TR...<SEP>SO...<SEP>artist<SEP>title")
        elif fields[1] in songs:
            tracks[fields[0]] = (fields[1], fields[2], fields[3])
    return tracks


def read_mismatches(path: Path, set_aside: SetAside) -> set[tuple[str, str]]:
    """`sid_mismatches.txt`: pairs of song and track that are not the same music.

    Lines such as `ERROR: <SO... TR...> artist  -  title  !=  artist  -  title`.
    """
    file = one_file(path)
    pairs = set[tuple[str, str]]()
    for number, line in read_lines(file, set_aside):
        if found := _MISMATCH.fullmatch(line):
            pairs.add((found[1], found[2]))
        else:
            set_aside.add(file.name, number, line, "ERROR: <SO... TR...> artist - title != artist - title")
    return pairs


def read_tags(path: Path, tracks: Collection[str], set_aside: SetAside) -> dict[str, str]:
    """The Last.fm tags of `tracks`, the most fitting first, as one cell of songs.csv.

    `lastfm_tags.db` is SQLite with three tables: `tids (tid)`, `tags (tag)`, and
    `tid_tag (tid, tag, val)`, whose tid and tag are rowids in the other two and whose
    val, 0 to 100, says how well the tag fits.

    Raises
    ------
    UserError
        Not such a file.
    """
    file = one_file(path)
    try:
        with closing(open_tables(path, ("tids", "tags", "tid_tag"))) as tables:
            names = dict(tables.execute("SELECT ROWID, tag FROM tags"))
            known = dict(tables.execute("SELECT ROWID, tid FROM tids"))
            rows = tables.execute("SELECT ROWID, tid, tag, val FROM tid_tag ORDER BY ROWID")
            weighed = _weighed(rows, known, names, set(tracks), f"{file.name} (tid_tag)", set_aside)
    except sqlite3.Error as error:
        raise UserError(f"{path}: not SQLite with the tables tids, tags and tid_tag: {error}") from None
    return {track: joined(tag for _, tag in sorted(tags)) for track, tags in weighed.items()}


def _weighed(
    rows: Iterable[tuple[object, ...]],
    known: Mapping[object, str],
    names: Mapping[object, str],
    tracks: Collection[str],
    name: str,
    set_aside: SetAside,
) -> dict[str, list[tuple[float, str]]]:
    """Tags with their weights, negative so that the heaviest sorts first, by track."""
    weighed: dict[str, list[tuple[float, str]]] = {}
    for row, tid, tag, value in progress(rows, description=f"Reading {name}", unit="rows"):
        track, text = known.get(tid), names.get(tag)
        if not (isinstance(track, str) and isinstance(text, str) and isinstance(value, int | float)):
            wanted = "rowids of tids and tags, and a number"
            set_aside.add(name, row, f"tid={tid} tag={tag} val={value}", wanted)
        elif track in tracks:
            weighed.setdefault(track, []).append((-value, text))
    return weighed


def find_previews(folder: Path) -> dict[str, Path]:
    """Files called by a track, `TR....mp3`, anywhere below `folder`; of two for one track the first."""
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; wanted one with previews called by track, TR....mp3")
    previews: dict[str, Path] = {}
    for path in walk(folder):
        track = path.name.split(".")[0]
        if _TRACK.fullmatch(track) and path.is_file():
            previews.setdefault(track, path)
    return previews
