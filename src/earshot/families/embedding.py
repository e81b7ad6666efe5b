"""A vector of every song that its deliveries bring: of a network of the user's own, for instance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from earshot.columns import SONG_ID
from earshot.errors import UserError
from earshot.features.families import SongSource
from earshot.params import HyperImages

if TYPE_CHECKING:
    import pyarrow

_ROWS_AT_ONCE = 65_536


class Embedding:
    """The row of a song in a file of its delivery.

    A song without a row, or whose delivery brings no such file, has no vector: encoders hear zeros.

    Parameters
    ----------
    width
        How many numbers a vector has.
    file
        The name of the file, in the delivery's folder: a parquet table of song_id and columns of numbers, in
        their order, with or without a row for every song; or an array, .npy, `(n_songs, width)`, in the
        order of the delivery's songs.csv or songs.parquet.
    name
        By which encoders ask for it, so that there may be several.
    """

    unit: ClassVar[Literal["song"]] = "song"
    dtype: ClassVar[str] = "<f4"
    version: ClassVar[int] = 1

    def __init__(self, width: int, file: str = "embeddings.parquet", name: str = "embedding") -> None:
        if width < 1 or not re.fullmatch(r"[\w.-]+\.(parquet|npy)", file):
            raise ValueError(
                f"width={width}, file={file!r}: wanted at least 1, and the name of a .parquet or .npy file"
            )
        self._width, self._file, self.name = width, file, name
        self._held: tuple[Path, dict[str, int], NDArray[Any]] | None = None

    def key_parts(self, settings: HyperImages) -> list[Any]:
        """The name of the file and the width."""
        return [self._file, self._width]

    def width(self, settings: HyperImages) -> int:
        """Numbers of a vector."""
        return self._width

    def compute(self, song: SongSource, settings: HyperImages) -> NDArray[np.float32] | None:
        """float32 `(width,)`; None without a row. UserError as of `check`."""
        path = song.file(self._file)
        if path is None:
            return None
        if self._held is None or self._held[0] != path:  # songs come delivery by delivery
            self._held = path, *self._read(path, song.song_ids)
        _, rows, vectors = self._held
        row = rows.get(str(song.row[SONG_ID]))
        return None if row is None else vectors[row].astype(np.float32)

    def check(self, delivery: SongSource) -> None:
        """Raise a UserError where the file of a delivery is no such table or array.

        It names file, row (from 1) and column of a number that is not finite, or too large for float32;
        another width; of an array another number of rows than songs; of a table a song that is there twice.
        """
        path = delivery.file(self._file)
        if path is not None:
            self._read(path, delivery.song_ids)

    def _read(self, path: Path, song_ids: Callable[[], Iterable[str]]) -> tuple[dict[str, int], NDArray[Any]]:
        """The row of each song, and all vectors, (n, width)."""
        if path.suffix == ".npy":
            ids = list(song_ids())
            vectors: NDArray[Any] = _array(path, (len(ids), self._width))
            columns: Sequence[str] = [f"column {number}" for number in range(1, self._width + 1)]
        else:
            ids, vectors, columns = _table(path, self._width)
        _refuse_not_finite(path, vectors, columns)
        rows = {song_id: row for row, song_id in enumerate(ids)}
        if len(rows) < len(ids):
            row, twice = next((row, song_id) for row, song_id in enumerate(ids) if rows[song_id] != row)
            raise UserError(
                f"{path}, row {row + 1}: {SONG_ID}={twice!r} is that of row {rows[twice] + 1} too: "
                "wanted one row a song"
            )
        return rows, vectors


def _array(path: Path, wanted: tuple[int, int]) -> NDArray[Any]:
    """Memory-mapped."""
    try:
        vectors: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: not an array of numpy's: {error}") from None
    if vectors.shape != wanted or vectors.dtype.kind != "f":
        raise UserError(
            f"{path}: {vectors.dtype} {vectors.shape}: wanted floats {wanted}: a row for each of "
            f"{wanted[0]:,} songs, in the order of the delivery's table of songs, of {wanted[1]:,} numbers"
        )
    return vectors


def _table(path: Path, width: int) -> tuple[list[str], NDArray[np.float32], list[str]]:
    """The ids, the vectors and the names of their columns."""
    import pyarrow as pa

    from earshot.foreign.parquet import open_parquet

    try:
        columns, read = open_parquet(path)
        parts = read(columns)
        numbers = _columns_of_numbers(path, next(parts), width)  # the first has no row
        ids: list[str] = []
        vectors = [np.empty((0, width))]
        for part in parts:
            ids += map(str, part[SONG_ID].to_pylist())
            vectors.append(np.stack([part[name].to_numpy() for name in numbers], axis=1))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: not a parquet table: {error}") from None
    return ids, np.concatenate(vectors), numbers


def _columns_of_numbers(path: Path, empty: pyarrow.Table, width: int) -> list[str]:
    import pyarrow as pa

    columns = [name for name in empty.column_names if name != SONG_ID]
    numbers = [name for name in columns if pa.types.is_floating(empty.schema.field(name).type)]
    if len(columns) == len(empty.column_names) or len(numbers) != width or numbers != columns:
        odd = next((name for name in columns if name not in numbers), "")
        raise UserError(
            f"{path}: {len(numbers)} columns of numbers{f', and {odd!r}' if odd else ''}: wanted {SONG_ID} "
            f"and {width} columns of numbers"
        )
    return numbers


def _refuse_not_finite(path: Path, vectors: NDArray[Any], columns: Sequence[str]) -> None:
    for first in range(0, len(vectors), _ROWS_AT_ONCE):
        some = vectors[first : first + _ROWS_AT_ONCE]
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(some.astype(np.float32))
        for row, column in islice(np.argwhere(bad), 1):
            value = some[row, column]
            raise UserError(
                f"{path}, row {first + row + 1}: {columns[column]}={value}: wanted a finite number of float32"
            )
