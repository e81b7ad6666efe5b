"""The hyper-images of a catalogue on disk, and how windows of them are read.

A store is a folder: `rows.json` says what the rows are, `index.parquet` in
which frames of which shard a song lies, `shards/<key>.npy` holds the frames,
uint8 `(frames, rows)`, time-major.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.audio.rows import LEVELS, ImageFormat, Row, read_format, write_format
from earshot.audio.shards import Shard, Stored
from earshot.columns import FIRST_FRAME, N_FRAMES, SHARD, SONG_ID
from earshot.errors import UserError
from earshot.files import write_table

if TYPE_CHECKING:
    import pandas as pd

_OPEN_SHARDS = 256

Integers = NDArray[np.integer[Any]] | Sequence[int]


def write_store(folder: Path, image_format: ImageFormat, songs: pd.DataFrame) -> None:
    """Write rows.json, and index.parquet from the columns of `songs` that belong there."""
    write_format(folder / "rows.json", image_format)
    columns = [SONG_ID, SHARD, FIRST_FRAME, N_FRAMES]
    write_table(folder / "index.parquet", songs[columns].sort_values(SONG_ID))


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
    _shards: OrderedDict[str, Shard] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._positions = {song_id: position for position, song_id in enumerate(self.songs[SONG_ID])}
        self._shard_names = self.songs[SHARD].tolist()
        self._first_frames: list[int] = self.songs[FIRST_FRAME].tolist()
        self._n_frames: list[int] = self.songs[N_FRAMES].tolist()
        self._shards = OrderedDict()

    @classmethod
    def open(cls, folder: Path) -> HyperImageStore:
        """Open the store in `folder`. Raises UserError where there is none."""
        import pandas as pd

        image_format = read_format(folder / "rows.json")
        return cls(folder, image_format, pd.read_parquet(folder / "index.parquet"))

    @property
    def rows(self) -> tuple[Row, ...]:
        return self.format.rows

    @property
    def feature_key(self) -> str:
        return self.format.feature_key

    @property
    def frames_per_second(self) -> float:
        return self.format.frames_per_second

    def row_slice(self, families: Sequence[str]) -> NDArray[np.intp]:
        """Indices of the rows of `families`, in stored order; see `ImageFormat.row_slice`."""
        return self.format.row_slice(families)

    def position(self, song_id: str) -> int:
        """Line of `song_id` in `songs`. Raises UserError for a song without a hyper-image."""
        try:
            return self._positions[song_id]
        except KeyError:
            raise UserError(f"{self.folder}: no hyper-image of song {song_id!r}") from None

    def image(self, song_id: str) -> NDArray[np.float32]:
        """The whole image of a song, float32 `(n_rows, n_frames)` in 0..1."""
        position = self.position(song_id)
        frames = self.windows([position], [0], self._n_frames[position])[0]
        return np.ascontiguousarray(frames.T, dtype=np.float32) / np.float32(LEVELS)

    def windows(self, songs: Integers, first_frames: Integers, n_frames: int) -> Stored:
        """Read one window a song.

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
        batch = np.empty((len(songs), n_frames, len(self.rows)), np.uint8)
        for window, song, first_frame in zip(batch, songs, first_frames, strict=True):
            self._read_window(int(song), int(first_frame), window)
        return batch

    def _read_window(self, song: int, first_frame: int, window: Stored) -> None:
        n_frames = self._n_frames[song]
        if not 0 <= first_frame < n_frames:
            raise IndexError(f"first_frame={first_frame} of song {song} must be in 0..{n_frames - 1}")
        shard = self._shard(self._shard_names[song])
        start = self._first_frames[song]
        filled = min(len(window), n_frames - first_frame)
        shard.read(start + first_frame, window[:filled])
        while filled < len(window):
            part = min(len(window) - filled, n_frames)
            shard.read(start, window[filled : filled + part])
            filled += part

    def _shard(self, name: str) -> Shard:
        """The open shard `name`; the ones read longest ago are closed, so that open files stay few."""
        if name in self._shards:
            self._shards.move_to_end(name)
        else:
            self._shards[name] = Shard(self.folder / "shards" / f"{name}.npy", len(self.rows))
            if len(self._shards) > _OPEN_SHARDS:
                self._shards.popitem(last=False)
        return self._shards[name]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": OrderedDict()}
