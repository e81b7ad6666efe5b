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
    (user_rows, all_user_ids), (song_rows, all_song_ids) = in_threads(_unified, [users, songs])
    return Triplets(all_user_ids, all_song_ids, user_rows, song_rows, np.concatenate(play_counts))


def _unified(parts: list[Any]) -> tuple[NDArray[np.int32], pyarrow.Array]:
    """Rows and ids of a column whose blocks each have ids of their own; `parts` is emptied."""
    import pyarrow

    column = pyarrow.chunked_array(parts)
    parts.clear()
    column = column.unify_dictionaries()
    return np.concatenate([part.indices.to_numpy() for part in column.chunks]), column.chunk(0).dictionary
