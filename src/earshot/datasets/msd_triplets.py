"""The Echo Nest Taste Profile's `train_triplets.txt`: `user \\t song \\t play count` a line, no header.

48,373,586 lines, 1,019,318 users, 384,546 songs; read as integers in less than 3 GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

_COLUMNS = (identifier("user"), identifier("song"), play_number("play count"))
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
    for _, rows in read_rows(one_file(path), _COLUMNS, _LAYOUT, set_aside):
        user_ids, song_ids, counts = rows.columns
        users.append(user_ids)
        songs.append(song_ids)
        numbers = whole_numbers(counts.dictionary).astype(np.int32)
        play_counts.append(numbers[counts.indices.to_numpy()])
    if not sum(map(len, play_counts)):
        raise UserError(f"{path}: no line could be used; {set_aside.first or 'it is empty'}")
    user_column, song_column = _unified(users), _unified(songs)
    return Triplets(
        user_column.dictionary,
        song_column.dictionary,
        user_column.indices.to_numpy(),
        song_column.indices.to_numpy(),
        np.concatenate(play_counts),
    )


def _unified(parts: list[Any]) -> pyarrow.DictionaryArray:
    """A column whose blocks each have ids of their own, the halves side by side; `parts` is emptied."""
    half = len(parts) // 2
    halves = [parts[:half], parts[half:]] if half else [parts[:]]
    parts.clear()
    return _joined(list(in_threads(_joined, halves)))


def _joined(parts: list[Any]) -> pyarrow.DictionaryArray:
    import pyarrow

    column = pyarrow.chunked_array(parts).unify_dictionaries()
    rows = np.concatenate([part.indices.to_numpy() for part in column.chunks])
    return pyarrow.DictionaryArray.from_arrays(rows, column.chunk(0).dictionary)
