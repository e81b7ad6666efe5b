"""The hyper-images of a catalogue on disk, and how windows of them are read.

A store is a folder: `rows.json` says what the rows are, `index.parquet` in
which frames of which shard a song lies, `shards/<key>.npy` holds the frames,
uint8 `(frames, rows)`, time-major.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import FIRST_FRAME, N_FRAMES, SHARD, SONG_ID
from earshot.errors import UserError
from earshot.features.rows import LEVELS, ImageFormat, Row, read_format, write_format
from earshot.files import write_table
from earshot.store.shards import Shard, Stored

if TYPE_CHECKING:
    import pandas as pd

_OPEN_SHARDS = 256

Frames = NDArray[np.int64]
Integers = NDArray[np.integer[Any]] | Sequence[int]


def write_store(folder: Path, image_format: ImageFormat, songs: pd.DataFrame) -> None:
    """Write rows.json, and index.parquet from the columns of `songs` that belong there."""
    write_format(folder / "rows.json", image_format)
    columns = [SONG_ID, SHARD, FIRST_FRAME, N_FRAMES]
    write_table(folder / "index.parquet", songs[columns].sort_values(SONG_ID))


def newer_images(folder: Path, earlier: Path) -> NDArray[np.object_]:
    """Ids of the songs of the store `folder` whose image the store `earlier` lacks, `(n,)`.

    An image of other sound, or of another definition, is another image.
    """
    import pandas as pd

    image = [SONG_ID, SHARD, FIRST_FRAME]
    now, then = (pd.read_parquet(store / "index.parquet", columns=image) for store in (folder, earlier))
    new = ~pd.MultiIndex.from_frame(now).isin(pd.MultiIndex.from_frame(then))
    return now.loc[new, SONG_ID].to_numpy(dtype=object)


@dataclass
class HyperImageStore:
    """Reader of a store; shards are opened when they are first read.

    Safe to fork, and to pickle to another process.

    Attributes
    ----------
    folder
        Where rows.json stands.
    format
        Rows, frame rate and feature key.
    songs
        One line a song: song_id, shard, first_frame (inside the shard), n_frames.
        The *position* of a song is its line number here.
    """

    folder: Path
    format: ImageFormat
    songs: pd.DataFrame
    _positions: dict[str, int] = field(init=False, repr=False)
    _shards: OrderedDict[int, Shard] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import pandas as pd

        self._positions = {song_id: position for position, song_id in enumerate(self.songs[SONG_ID])}
        # number of the shard of each song, (n_songs,); name of each shard
        self._shard_of, self._shard_names = pd.factorize(self.songs[SHARD])
        self._first_frames: Frames = self.songs[FIRST_FRAME].to_numpy(np.int64)
        self._n_frames: Frames = self.songs[N_FRAMES].to_numpy(np.int64)
        # frames that a shard must have: to the end of its last song
        self._shard_frames = np.zeros(len(self._shard_names), np.int64)
        # .at, since a shard has many songs
        np.maximum.at(self._shard_frames, self._shard_of, self._first_frames + self._n_frames)
        self._shards = OrderedDict()

    @classmethod
    def open(cls, folder: Path) -> HyperImageStore:
        """Open the store in `folder`. Raises UserError where there is none."""
        import pandas as pd

        image_format = read_format(folder / "rows.json")
        return cls(folder, image_format, pd.read_parquet(folder / "index.parquet"))

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of every image, in the order in which they are stored."""
        return self.format.rows

    @property
    def feature_key(self) -> str:
        """Key of the definition that all images were made by."""
        return self.format.feature_key

    @property
    def frames_per_second(self) -> float:
        """Frame rate in Hz."""
        return self.format.frames_per_second

    def row_slice(self, families: Sequence[str]) -> NDArray[np.intp]:
        """Indices of the rows of `families`, `(n,)`, in stored order; see `ImageFormat.row_slice`."""
        return self.format.row_slice(families)

    def position(self, song_id: str) -> int:
        """Line of `song_id` in `songs`. Raises UserError for a song without a hyper-image."""
        try:
            return self._positions[song_id]
        except KeyError:
            raise UserError(f"{self.folder}: no hyper-image of song {song_id!r}") from None

    def image(self, song_id: str) -> NDArray[np.float32]:
        """The whole image of a song, float32 `(n_rows, n_frames)` in 0..1."""
        frames = self.frames(self.position(song_id))
        return np.ascontiguousarray(frames.T, dtype=np.float32) / np.float32(LEVELS)

    def frames(self, position: int) -> Stored:
        """All of a song as it is stored, uint8 `(n_frames, n_rows)`."""
        frames: Stored = self.windows([position], [0], int(self._n_frames[position]))[0]
        return frames

    def windows(self, songs: Integers, first_frames: Integers, n_frames: int) -> Stored:
        """Read one window a song, into one batch.

        Parameters
        ----------
        songs
            Positions in `songs`, `(n,)`.
        first_frames
            First frame of each window, counted from the start of its song, `(n,)`.
        n_frames
            Length of every window. A song that ends before its window does is
            repeated from its start.

        Returns
        -------
        uint8 `(n, n_frames, n_rows)`

        Raises
        ------
        UserError
            A shard that is missing, cut short or of another store, named.
        """
        positions, firsts = np.asarray(songs, np.intp), np.asarray(first_frames, np.int64)
        left = self._n_frames[positions] - firsts  # to the end of each window's song, (n,)
        if (outside := (firsts < 0) | (left <= 0)).any():
            song, first = positions[outside][0], firsts[outside][0]
            raise IndexError(f"first_frame={first} of song {song} must be in 0..{self._n_frames[song] - 1}")
        batch = np.empty((len(positions), n_frames, len(self.rows)), np.uint8)
        read = np.minimum(left, n_frames)
        # first frames are counted from the start of the shard here
        self._read(batch, positions, self._first_frames[positions] + firsts, read)
        for window in np.flatnonzero(read < n_frames):
            self._repeat(batch[window], positions[window], int(read[window]))
        return batch

    def _read(self, batch: Stored, songs: NDArray[np.intp], starts: Frames, n_frames: Frames) -> None:
        """The first `n_frames` of every window, in the order in which they lie on disk."""
        n_windows, length, n_rows = batch.shape
        # where each window begins in the batch, in bytes; a value is one
        begins = np.arange(n_windows) * (length * n_rows)
        shards = self._shard_of[songs]
        order = np.lexsort((starts, shards))  # by shard, then by place in it
        # (n, 3): first byte in the shard, begin and end in the batch
        parts = np.stack([starts * n_rows, begins, begins + n_frames * n_rows], axis=1)[order].tolist()
        # where another shard begins; -1 is the number of none, so 0 and n are edges too
        edges = np.flatnonzero(np.diff(shards[order], prepend=-1, append=-1)).tolist()
        for first, last in pairwise(edges):
            # reshape gives a view: the shard writes into the batch
            self._shard(int(shards[order[first]])).read(batch.reshape(-1), parts[first:last])

    def _repeat(self, window: Stored, song: np.intp, filled: int) -> None:
        """Fill the rest of a window with its song from the start, as often as it takes."""
        n_frames = min(int(self._n_frames[song]), len(window) - filled)
        self._read(window[None, filled:], np.array([song]), self._first_frames[[song]], np.array([n_frames]))
        # np.resize repeats the frames read until the window is full
        window[filled:] = np.resize(window[filled : filled + n_frames], window[filled:].shape)

    def _shard(self, number: int) -> Shard:
        """The open shard of that number; those read longest ago are closed: open files stay few."""
        if number in self._shards:
            self._shards.move_to_end(number)
        else:
            name = self._shard_names[number]
            path, n_frames = self.folder / "shards" / f"{name}.npy", int(self._shard_frames[number])
            self._shards[number] = Shard(path, len(self.rows), n_frames)
            if len(self._shards) > _OPEN_SHARDS:
                self._shards.popitem(last=False)
        return self._shards[number]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": OrderedDict()}  # open files stay with their process
