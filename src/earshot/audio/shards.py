"""One shard: the stored frames of a few hundred songs, end to end in one .npy file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError

Stored = NDArray[np.uint8]


def write_shard(path: Path, images: Sequence[Stored], n_rows: int) -> None:
    """Write `images`, each `(n_frames, n_rows)` uint8, one after the other; renamed into place when whole."""
    beside = path.with_name(f".{path.name}.tmp")
    empty = np.empty((0, n_rows), np.uint8)
    with beside.open("wb") as file:
        np.save(file, np.concatenate([empty, *images]), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


class Shard:
    """An open shard.

    Frames are read by position (pread), so that forked readers do not disturb
    each other.

    Raises
    ------
    UserError
        A file that is missing, cut short, or not a shard of `n_rows` rows.
    """

    def __init__(self, path: Path, n_rows: int) -> None:
        self.path = path
        self.n_rows = n_rows
        self._file: int | None = None
        self._first_byte, self.n_frames = _read_header(path, n_rows)
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def read(self, first_frame: int, frames: Stored) -> None:
        """Fill `frames`, `(n_frames, n_rows)` and contiguous, from `first_frame` of the shard on."""
        if first_frame < 0 or first_frame + len(frames) > self.n_frames:
            last = first_frame + len(frames)
            raise UserError(f"{self.path}: frames {first_frame} to {last} wanted, it holds {self.n_frames}")
        assert self._file is not None
        start = self._first_byte + first_frame * self.n_rows
        if os.preadv(self._file, [frames.data], start) != frames.nbytes:
            raise UserError(f"{self.path}: cut short while it was read")

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)


def _read_header(path: Path, n_rows: int) -> tuple[int, int]:
    """Position of the first value, and number of frames."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            if version != (1, 0):
                raise ValueError(f"version {version}")
            shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
            first_byte = file.tell()
    except FileNotFoundError:
        raise UserError(f"{path}: the shard is missing") from None
    except ValueError as error:
        raise UserError(f"{path}: not a shard: {error}") from None
    if dtype != np.uint8 or fortran_order or len(shape) != 2 or shape[1] != n_rows:
        raise UserError(
            f"{path}: not a shard of this store: {dtype} {shape}, wanted uint8 (frames, {n_rows})"
        )
    if path.stat().st_size != first_byte + shape[0] * n_rows:
        raise UserError(
            f"{path}: cut short: {path.stat().st_size} bytes, wanted {first_byte + shape[0] * n_rows}"
        )
    return first_byte, shape[0]
