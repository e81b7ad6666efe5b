"""The files of the Million Song Dataset: the Taste Profile, which track a song is, its tags, its preview.

`train_triplets.txt` is `user \t song \t play count` a line, no header: 48,373,586 lines, 1,019,318 users,
384,546 songs, read as integers in less than 3 GB.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence, Sized
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.names import joined
from earshot.datasets.importing.play_columns import identifier, play_number, whole_numbers
from earshot.datasets.importing.rows import read_rows
from earshot.datasets.importing.sources import one_file, read_lines, walk
from earshot.datasets.importing.text_stream import in_threads
from earshot.datasets.navidrome import open_tables
from earshot.errors import UserError
from earshot.processes import progress

if TYPE_CHECKING:
    import pyarrow


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


_COLUMNS = (identifier("user"), identifier("song", as_dictionary=False), play_number("play count"))
_LAYOUT = Layout(separator="\t", header=False, names=tuple(column.name for column in _COLUMNS))


@dataclass(frozen=True)
class Triplets:
    """Who played what how often, in the order of the file.

    Attributes
    ----------
    user_ids, song_ids
        pyarrow strings, (n_users,) and (n_songs,), in order of appearance; each has a play.
    users, songs
        (n,) int32: places in these.
    play_counts
        (n,) int32.
    """

    user_ids: pyarrow.Array
    song_ids: pyarrow.Array
    users: NDArray[np.int32]
    songs: NDArray[np.int32]
    play_counts: NDArray[np.int32]


def read_triplets(path: Path, set_aside: SetAside) -> Triplets:
    """Read the whole file; a line without three columns, an id or a count from 1 is set aside.

    Raises
    ------
    UserError
        A file that is not there, or of which no line could be used.
    """
    users, songs, play_counts = [], [], []
    for lines, rows in read_rows(one_file(path), _COLUMNS, _LAYOUT, set_aside):
        if not len(lines):
            continue
        user_ids, song_ids, counts = rows.columns
        users.append(user_ids)
        songs.append(song_ids)
        # each different count is parsed once, then looked up for its rows
        numbers = whole_numbers(counts.dictionary).astype(np.int32)
        play_counts.append(numbers[counts.indices.to_numpy()])
    if not users:
        raise UserError(f"{path}: no line could be used; {set_aside.first or 'it is empty'}")
    song_ids, song_rows = _numbered(songs)
    # user_ids come as dictionaries: these are numbered over all blocks, then the rows looked up in them
    user_ids, in_all = _numbered([block.dictionary for block in users])
    tables = _parts(in_all, [block.dictionary for block in users])
    user_rows = _looked_up(tables, [block.indices.to_numpy() for block in users])
    return Triplets(user_ids, song_ids, user_rows, song_rows, np.concatenate(play_counts))


def _numbered(blocks: list[pyarrow.StringArray]) -> tuple[pyarrow.StringArray, NDArray[np.int32]]:
    """`_distinct` of all blocks as one, on two cores; `blocks` is emptied, to free memory."""
    half = (len(blocks) + 1) // 2
    halves = [part for part in (blocks[:half], blocks[half:]) if part]
    blocks.clear()
    numbered = list(in_threads(_distinct, halves))
    ids, in_all = _distinct([ids for ids, _ in numbered])  # place in the ids of a half -> place in all
    # the table of each block is that of its half
    tables = [table for table, (_, part) in zip(in_all, numbered, strict=True) for _ in part]
    return ids, _looked_up(tables, [block for _, part in numbered for block in part])


def _looked_up(tables: list[NDArray[np.int32]], blocks: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """What each block's places hold in its table, all in one array."""
    found = np.empty(sum(map(len, blocks)), dtype=np.int32)

    def look_up(table: NDArray[np.int32], block: NDArray[np.int32], part: NDArray[np.int32]) -> None:
        np.take(table, block, out=part, mode="clip")  # "raise" would take into a copy first

    for _ in in_threads(look_up, tables, blocks, _parts(found, blocks)):
        pass
    return found


def _parts(whole: NDArray[np.int32], blocks: Sequence[Sized]) -> list[NDArray[np.int32]]:
    """`whole` in parts as long as the blocks."""
    return np.split(whole, np.cumsum([len(block) for block in blocks])[:-1])  # the last end is no cut


def _distinct(blocks: list[pyarrow.StringArray]) -> tuple[pyarrow.StringArray, list[NDArray[np.int32]]]:
    """The texts of all blocks, each once in order of appearance, and where in them each block's are.

    No block may be empty: pyarrow would drop it.
    """
    import pyarrow

    encoded = pyarrow.chunked_array(blocks).dictionary_encode()
    return encoded.chunk(0).dictionary, [block.indices.to_numpy() for block in encoded.chunks]
