"""One shard: the stored frames of a few hundred songs, end to end in one .npy file."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError

Stored = NDArray[np.uint8]
Lines = NDArray[Any]
"""Of a family, a line a frame, `(n_frames, width)`; of the image uint8."""


Outcome = Lines | str
"""An image `(n_frames, n_rows)`, or the reason why there is none."""


class Entry(NamedTuple):
    """One song of a shard: how long its image is, or why it has none."""

    n_frames: int
    crc32: int
    reason: str | None


class ShardDraft:
    """A shard being written, song after song.

    What has been added survives a kill: the frames lie in `<name>.npy.draft`,
    and `<name>.jsonl` says song by song what is whole of them. Opening the draft
    again drops what is not.

    Attributes
    ----------
    entries
        Of the songs that are in.
    """

    def __init__(self, path: Path, n_rows: int, dtype: str = "|u1") -> None:
        self._path = path
        self._n_rows = n_rows
        self._dtype = np.dtype(dtype)
        self._frame_bytes = n_rows * self._dtype.itemsize
        self._draft = path.with_name(f"{path.name}.draft")
        self._journal = path.with_suffix(".jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and self._journal.exists():
            path.rename(self._draft)  # killed before the caller could note that it is finished
        self.entries = self._recover()

    def add(self, outcome: Outcome, reason: str | None = None) -> None:
        """Append the image of the next song, or the reason why it has none.

        A `reason` beside an image says that it only keeps the place of one.
        """
        if isinstance(outcome, str):
            entry = Entry(0, 0, outcome)
        else:
            frames = np.ascontiguousarray(outcome, self._dtype).view(np.uint8).data
            # frames before their line: a line without them fails its checksum, they without it are cut off
            with self._draft.open("ab") as file:
                file.write(frames)
            entry = Entry(len(outcome), crc32(frames), reason)
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry) + "\n")
        self.entries.append(entry)

    def finish(self) -> None:
        """Say in the header how many frames there are, sync, and rename into place; the journal stays."""
        with self._draft.open("r+b") as file:
            # over the header of 0 frames, which is as long
            file.write(self._header(sum(entry.n_frames for entry in self.entries)))
            file.flush()
            os.fsync(file.fileno())  # frames are on the disk before the name says so
        self._draft.replace(self._path)

    def _recover(self) -> list[Entry]:
        self._draft.touch()
        self._journal.touch()
        with self._draft.open("r+b") as file:
            file.write(self._header(0))  # leaves the file at the first frame
            # reads on song by song, up to the first that is not whole
            entries = list(takewhile(partial(self._is_whole, file), self._read_journal()))
            # frames that no line of the journal names go
            file.truncate(len(self._header(0)) + self._frame_bytes * sum(e.n_frames for e in entries))
        self._journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        return entries

    def _is_whole(self, file: BinaryIO, entry: Entry) -> bool:
        return crc32(file.read(entry.n_frames * self._frame_bytes)) == entry.crc32

    def _read_journal(self) -> Iterator[Entry]:
        for line in self._journal.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):  # a kill may have cut the last line
                yield Entry(*json.loads(line))

    def _header(self, n_frames: int) -> bytes:
        """Of a .npy file; as long for any number of frames."""
        buffer = BytesIO()
        content = {"descr": self._dtype.str, "fortran_order": False, "shape": (n_frames, self._n_rows)}
        # leaves room for 21 digits in the first axis
        np.lib.format.write_array_header_1_0(buffer, content)
        return buffer.getvalue()


def write_shard(path: Path, images: Iterable[Lines], n_rows: int, dtype: str = "|u1") -> None:
    """Write `images`, each `(n_frames, n_rows)`, one after the other; renamed into place when whole."""
    draft = ShardDraft(path, n_rows, dtype)
    for image in images:
        draft.add(image)
    draft.finish()
    path.with_suffix(".jsonl").unlink()


class Shard:
    """An open shard of at least `n_frames` frames.

    It is mapped into memory, which forked readers share. The system is told what
    a batch needs before it is copied, so that a cold disk is asked for all of it
    at once and for nothing else.

    Raises
    ------
    UserError
        A file that is missing, cut short, or not a shard of `n_rows` rows of `dtype`.
    """

    def __init__(self, path: Path, n_rows: int, n_frames: int, dtype: str = "|u1") -> None:
        self.path = path
        self._file: int | None = None  # __del__ runs even where this is refused below
        self._first_byte, held = _read_header(path, n_rows, np.dtype(dtype))
        if held < n_frames:
            raise UserError(f"{path}: its songs have {n_frames} frames, it holds {held}")
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        mapped = mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)
        mapped.madvise(mmap.MADV_RANDOM)  # no reading ahead: windows lie anywhere
        self._bytes: Stored = np.frombuffer(mapped, np.uint8)

    def read(self, batch: Stored, parts: Sequence[tuple[int, int, int]]) -> None:
        """Fill parts of `batch`, bytes: each (first byte behind the header, begin, end in `batch`)."""
        assert self._file is not None
        # reading a mapped page beyond the end of the file would kill the process (SIGBUS)
        if os.fstat(self._file).st_size < len(self._bytes):
            raise UserError(f"{self.path}: cut short while it was read")
        frames = self._bytes[self._first_byte :]
        for byte, begin, end in parts:
            os.posix_fadvise(self._file, self._first_byte + byte, end - begin, os.POSIX_FADV_WILLNEED)
        for byte, begin, end in parts:
            batch[begin:end] = frames[byte : byte + end - begin]

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)


def _read_header(path: Path, n_rows: int, wanted: np.dtype[Any]) -> tuple[int, int]:
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
    if dtype != wanted or fortran_order or len(shape) != 2 or shape[1] != n_rows:
        raise UserError(
            f"{path}: not a shard of this store: {dtype} {shape}, wanted {wanted} (frames, {n_rows})"
        )
    n_bytes = first_byte + shape[0] * n_rows * wanted.itemsize
    if path.stat().st_size != n_bytes:
        raise UserError(f"{path}: cut short: {path.stat().st_size} bytes, wanted {n_bytes}")
    return first_byte, shape[0]
