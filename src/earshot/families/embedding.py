"""A vector of every song that its deliveries bring: of a network of the user's own, for instance."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from earshot.columns import SONG_ID
from earshot.errors import UserError
from earshot.features.families import SongSource
from earshot.params import HyperImages


class Embedding:
    """The row of a song in a parquet table of its delivery: song_id, and columns of numbers, in their order.

    A song without a row, or whose delivery brings no such table, has no vector: encoders hear zeros.

    Parameters
    ----------
    width
        How many numbers a vector has.
    file
        The name of the table, in the delivery's folder.
    name
        By which encoders ask for it, so that there may be several.
    """

    unit: ClassVar[Literal["frame", "song"]] = "song"
    dtype: ClassVar[str] = "<f4"
    version: ClassVar[int] = 1

    def __init__(self, width: int, file: str = "embeddings.parquet", name: str = "embedding") -> None:
        if width < 1 or not re.fullmatch(r"[\w.-]+\.parquet", file):
            raise ValueError(
                f"width={width}, file={file!r}: wanted at least 1, and the name of a parquet table"
            )
        self._width, self._file, self.name = width, file, name

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """The name of the table and the width."""
        return [self._file, self._width]

    def width(self, settings: HyperImages) -> int:
        """Numbers of a vector."""
        return self._width

    def compute(self, song: SongSource, settings: HyperImages) -> NDArray[np.float32] | None:
        """float32 `(width,)`; None without a row. UserError for a table that is none."""
        path = song.file(self._file)
        return None if path is None else _vectors(path, self._width).get(str(song.row[SONG_ID]))


@lru_cache(maxsize=1)  # songs come delivery by delivery
def _vectors(path: Path, width: int) -> dict[str, NDArray[np.float32]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a parquet table: {error}") from None
    columns = [name for name in table.column_names if name != SONG_ID]
    numbers = [name for name in columns if pa.types.is_floating(table.schema.field(name).type)]
    if len(columns) == len(table.column_names) or len(numbers) != width or numbers != columns:
        odd = next((name for name in columns if name not in numbers), "")
        raise UserError(
            f"{path}: {len(numbers)} columns of numbers{f', and {odd!r}' if odd else ''}: wanted {SONG_ID} "
            f"and {width} columns of numbers"
        )
    ids = [str(song_id) for song_id in table[SONG_ID].to_pylist()]
    vectors = np.stack([table[name].to_numpy() for name in numbers], axis=1).astype(np.float32)  # (n, width)
    for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1))[:1]:
        column = int(np.flatnonzero(~np.isfinite(vectors[row]))[0])
        value = vectors[row, column]
        raise UserError(f"{path}, row {row + 1}: {numbers[column]}={value}: wanted a finite number")
    if len({*ids}) < len(ids):
        twice = next(song_id for song_id in ids if ids.count(song_id) > 1)
        raise UserError(f"{path}: {SONG_ID}={twice!r} stands there twice: wanted one row a song")
    return dict(zip(ids, vectors, strict=True))
