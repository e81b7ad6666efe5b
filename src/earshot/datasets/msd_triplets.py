"""The Echo Nest Taste Profile's `train_triplets.txt`: `user \\t song \\t play count` a line, no header.

48,373,586 lines, 1,019,318 users, 384,546 songs; read as integers in less than 3 GB.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.importing.delimited import Layout
from earshot.datasets.importing.drafts import SetAside
from earshot.datasets.importing.play_columns import identifier, play_number, whole_numbers
from earshot.datasets.importing.rows import read_rows
from earshot.datasets.importing.sources import one_file
from earshot.datasets.importing.threads import in_threads
from earshot.errors import UserError

if TYPE_CHECKING:
    import pyarrow

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
        numbers = whole_numbers(counts.dictionary).astype(np.int32)
        play_counts.append(numbers[counts.indices.to_numpy()])
    if not users:
        raise UserError(f"{path}: no line could be used; {set_aside.first or 'it is empty'}")
    song_ids, song_rows = _numbered(songs)
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
    ids, in_all = _distinct([ids for ids, _ in numbered])
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
    return np.split(whole, np.cumsum([len(block) for block in blocks])[:-1])


def _distinct(blocks: list[pyarrow.StringArray]) -> tuple[pyarrow.StringArray, list[NDArray[np.int32]]]:
    """The texts of all blocks, each once in order of appearance, and where in them each block's are.

    No block may be empty: pyarrow would drop it.
    """
    import pyarrow

    encoded = pyarrow.chunked_array(blocks).dictionary_encode()
    return encoded.chunk(0).dictionary, [block.indices.to_numpy() for block in encoded.chunks]
