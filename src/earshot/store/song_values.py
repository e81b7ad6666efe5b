"""What a family says of whole songs, on disk: words, or a vector each.

Vectors that are made of the sound lie in shards, as images do; a table says which line is whose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import LINE, SONG_ID
from earshot.errors import UserError
from earshot.files import write_table
from earshot.store.families import WORDS, StoredFamily

if TYPE_CHECKING:
    import pandas as pd

Values = list[list[str]] | NDArray[np.float32]
"""Of n songs: words of each, or float32 (n, width)."""


def write_values(folder: Path, family: StoredFamily, song_ids: Sequence[str], values: Values) -> None:
    """Write `<family>.parquet` into a store: song_id, and words; vectors go into `<family>.npy`."""
    import pandas as pd

    table = pd.DataFrame({SONG_ID: pd.Series(list(song_ids), dtype=str)})
    if isinstance(values, np.ndarray):
        np.save(folder / f"{family.name}.npy", values.astype(family.dtype, copy=False))
    else:
        table[WORDS] = pd.Series(values, dtype=object)
    write_table(folder / f"{family.name}.parquet", table)


def read_values(folder: Path, family: StoredFamily) -> tuple[pd.Series[str], Any]:
    """Song ids, and what is said of each: a list of words, or a memory-mapped row of (n, width).

    Raises
    ------
    UserError
        Vectors of another width or number than the tables say.
    """
    import pandas as pd

    table = pd.read_parquet(folder / f"{family.name}.parquet")
    if family.dtype == WORDS:
        return table[SONG_ID], [list(words) for words in table[WORDS]]
    path = folder / f"{family.name}.npy"
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    if vectors.shape != (len(table), family.width) or vectors.dtype != family.dtype:
        wanted = f"{family.dtype} {(len(table), family.width)}"
        raise UserError(f"{path}: {vectors.dtype} {vectors.shape}: wanted {wanted}")
    return table[SONG_ID], vectors


def write_lines(folder: Path, family: StoredFamily, songs: pd.DataFrame) -> None:
    """Write `<family>.parquet` into a store: song_id, and the line of `songs` in their shard's file."""
    write_table(folder / f"{family.name}.parquet", songs[[SONG_ID, LINE]].sort_values(SONG_ID))


def read_lines(folder: Path, family: StoredFamily) -> pd.DataFrame:
    """What `write_lines` wrote."""
    import pandas as pd

    return pd.read_parquet(folder / f"{family.name}.parquet")


def link_values(store: Path, folder: Path, family: StoredFamily, wanted: NDArray[np.bool_]) -> None:
    """Write into `folder` the `wanted` songs of a store's family, (n,), in the order of `read_values`."""
    ids, values = read_values(store, family)
    rows = np.flatnonzero(wanted)
    some = values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
    write_values(folder, family, ids[wanted].tolist(), some)
