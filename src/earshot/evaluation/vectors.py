"""Vectors of the ids that are wanted, out of an array and its id table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from earshot.errors import UserError
from earshot.ids import positions_of


def read_vectors(array: Path, table: Path, column: str, wanted: ArrayLike) -> NDArray[np.float32]:
    """Rows of `array` for the `wanted` ids, `(n_wanted, d)`.

    Parameters
    ----------
    array
        .npy, `(n, d)`.
    table, column
        parquet of n lines that says whose each row is.

    Raises
    ------
    UserError
        An id that the table does not hold, named; or a table of another length.
    """
    vectors: NDArray[np.float32] = np.load(array, mmap_mode="r", allow_pickle=False)
    ids = pd.Index(pd.read_parquet(table, columns=[column])[column])
    if len(ids) != len(vectors):
        raise UserError(f"{array}: {len(vectors)} rows, but {table} has {len(ids)}")
    asked = pd.Index(np.asarray(wanted, dtype=object))
    rows = positions_of(ids, asked)
    if (rows < 0).any():
        raise UserError(
            f"{table}: no {column} {asked[rows < 0][0]!r}, nor {int((rows < 0).sum()) - 1} others"
        )
    return np.asarray(vectors[rows])
