"""The hyper-images of a catalogue on disk, and how windows of them are read.

A store is a folder: `rows.json` says what the rows are, `index.parquet` in
which frames of which shard a song lies, `shards/<key>.npy` holds the frames,
uint8 `(frames, rows)`, time-major.

`families.json` says which families stand beside the image. One of unit `frame` has a line for each of the
image's frames, in `<family>/<shard>-<key>.npy`, so that the same index finds them; what one of unit `song`
says stands in `<family>.parquet` (`earshot.store.song_values`), or, where it was heard, in such shards, a
line a song.
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

from earshot.arrays import positions_of
from earshot.columns import FIRST_FRAME, LINE, N_FRAMES, SHARD, SONG_ID
from earshot.errors import UserError
from earshot.files import write_table
from earshot.store.families import StoredFamily, read_families, write_families
from earshot.store.rows import LEVELS, ImageFormat, Row, read_format, write_format
from earshot.store.shards import Lines, Shard, Stored
from earshot.store.song_values import read_lines, read_values

if TYPE_CHECKING:
    import pandas as pd

_OPEN_SHARDS = 256

Frames = NDArray[np.int64]
Integers = NDArray[np.integer[Any]] | Sequence[int]


IMAGE = StoredFamily("image", "", "frame", "|u1", 0)
"""The image as a family; its key and width are of a store."""


def write_store(
    folder: Path, image_format: ImageFormat, songs: pd.DataFrame, families: Sequence[StoredFamily] = ()
) -> None:
    """Write rows.json, families.json if there are any, and index.parquet from columns of `songs`."""
    write_format(folder / "rows.json", image_format)
    if families:
        write_families(folder / "families.json", families)
    columns = [SONG_ID, SHARD, FIRST_FRAME, N_FRAMES]
    write_table(folder / "index.parquet", songs[columns].sort_values(SONG_ID))


def shard_file(family: StoredFamily, shard: str) -> str:
    """Where a store keeps the lines of a family that lies in shards for the songs of one."""
    return f"shards/{shard}.npy" if family is IMAGE else f"{family.name}/{shard}-{family.key}.npy"


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
    families
        Those beside the image, by name.
    """

    folder: Path
    format: ImageFormat
    songs: pd.DataFrame
    families: dict[str, StoredFamily] = field(default_factory=dict)
    _positions: dict[str, int] = field(init=False, repr=False)
    _shards: OrderedDict[tuple[str, int], Shard] = field(init=False, repr=False)

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
        self._song_values: dict[str, tuple[NDArray[np.intp], Any]] = {}

    @classmethod
    def open(cls, folder: Path) -> HyperImageStore:
        """Open the store in `folder`. Raises UserError where there is none."""
        import pandas as pd

        image_format = read_format(folder / "rows.json")
        families = read_families(folder / "families.json")
        return cls(folder, image_format, pd.read_parquet(folder / "index.parquet"), families)

    def only(self, songs: pd.DataFrame) -> HyperImageStore:
        """The same store of some songs; the columns are those of `songs`."""
        return HyperImageStore(self.folder, self.format, songs, self.families)

    def family(self, name: str) -> StoredFamily:
        """The family `name` beside the image. Raises UserError for one that is not stored."""
        if name not in self.families:
            known = ", ".join([*dict.fromkeys(row.family for row in self.rows), *self.families])
            raise UserError(
                f"{self.folder}: family {name!r} is not there: it holds {known}; hyper_images.families in "
                "params.yaml says what is stored beside the image"
            )
        return self.families[name]

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

    def words(self, name: str, positions: Integers) -> list[list[str]]:
        """What the family `name` of unit `song` says of songs, `(n,)`; nothing of one it does not know."""
        rows, values = self._values(name)
        return [values[row] if row >= 0 else [] for row in rows[np.asarray(positions, np.intp)]]

    def vectors(self, name: str, positions: Integers) -> NDArray[np.float32]:
        """The vectors of a family of unit `song`, float32 `(n, width)`; zeros of a song without one."""
        family, songs = self.family(name), np.asarray(positions, np.intp)
        rows, vectors = self._values(name)
        found = np.zeros((len(songs), family.width), np.float32)
        known = rows[songs] >= 0
        if family.heard:
            # a song is a window of one line here, (n, 1, width)
            lines = np.empty((int(known.sum()), 1, family.width), family.dtype)
            self._read(family, lines, songs[known], rows[songs[known]], np.ones(len(lines), np.int64))
            found[known] = lines[:, 0]
        else:
            found[known] = vectors[rows[songs[known]]]
        return found

    def _values(self, name: str) -> tuple[NDArray[np.intp], Any]:
        """The row of each song among what a family of unit `song` says, -1 without one, and that.

        Of one that was heard its line in its shard, and nothing.
        """
        if name not in self._song_values:
            family, ids = self.family(name), self.songs[SONG_ID]
            if family.heard:
                table = read_lines(self.folder, family)
                places = positions_of(table[SONG_ID], ids)
                lines = np.append(table[LINE].to_numpy(np.intp), -1)  # the last is that of place -1
                self._song_values[name] = lines[places], None
            else:
                known, values = read_values(self.folder, family)
                self._song_values[name] = positions_of(known, ids), values
        return self._song_values[name]

    def windows(
        self, songs: Integers, first_frames: Integers, n_frames: int, family: str | None = None
    ) -> Lines:
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
        family
            One beside the image, of unit `frame`; the image unless given.

        Returns
        -------
        `(n, n_frames, width)` of the family's dtype; of the image uint8 `(n, n_frames, n_rows)`.

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
        kind = IMAGE if family is None else self.family(family)
        batch = np.empty((len(positions), n_frames, kind.width or len(self.rows)), kind.dtype)
        read = np.minimum(left, n_frames)
        # first frames are counted from the start of the shard here
        self._read(kind, batch, positions, self._first_frames[positions] + firsts, read)
        for window in np.flatnonzero(read < n_frames):
            self._repeat(kind, batch[window], positions[window], int(read[window]))
        return batch

    def _read(
        self, kind: StoredFamily, batch: Lines, songs: NDArray[np.intp], starts: Frames, n_frames: Frames
    ) -> None:
        """The first `n_frames` of every window, in the order in which they lie on disk."""
        n_windows, length, width = batch.shape
        n_bytes = width * batch.itemsize  # of a frame
        # where each window begins in the batch, in bytes
        begins = np.arange(n_windows) * (length * n_bytes)
        shards = self._shard_of[songs]
        order = np.lexsort((starts, shards))  # by shard, then by place in it
        # (n, 3): first byte in the shard, begin and end in the batch
        parts = np.stack([starts * n_bytes, begins, begins + n_frames * n_bytes], axis=1)[order].tolist()
        # where another shard begins; -1 is the number of none, so 0 and n are edges too
        edges = np.flatnonzero(np.diff(shards[order], prepend=-1, append=-1)).tolist()
        for first, last in pairwise(edges):
            # reshape and view copy nothing: the shard writes into the batch
            held = self._shard(kind, int(shards[order[first]]))
            held.read(batch.reshape(-1).view(np.uint8), parts[first:last])

    def _repeat(self, kind: StoredFamily, window: Lines, song: np.intp, filled: int) -> None:
        """Fill the rest of a window with its song from the start, as often as it takes."""
        n_frames = min(int(self._n_frames[song]), len(window) - filled)
        part = window[None, filled:]
        self._read(kind, part, np.array([song]), self._first_frames[[song]], np.array([n_frames]))
        # np.resize repeats the frames read until the window is full
        window[filled:] = np.resize(window[filled : filled + n_frames], window[filled:].shape)

    def _shard(self, kind: StoredFamily, number: int) -> Shard:
        """The open shard of that number; those read longest ago are closed: open files stay few."""
        place = kind.name, number
        if place in self._shards:
            self._shards.move_to_end(place)
        else:
            path = self.folder / shard_file(kind, str(self._shard_names[number]))
            n_lines = self._lines_of(kind, number)
            self._shards[place] = Shard(path, kind.width or len(self.rows), n_lines, kind.dtype)
            if len(self._shards) > _OPEN_SHARDS:
                self._shards.popitem(last=False)
        return self._shards[place]

    def _lines_of(self, kind: StoredFamily, number: int) -> int:
        """How many lines the shard of that number must have."""
        if kind.heard:
            return int(self._values(kind.name)[0][self._shard_of == number].max()) + 1
        return int(self._shard_frames[number])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": OrderedDict()}  # open files stay with their process
