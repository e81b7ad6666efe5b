"""Batches of windows: at random for training, whole songs for validation.

Those for training may come through other channels: louder, filtered, or out of a lossy codec.

Mel rows are decibels, so a channel that keeps time is a number added to each row, cut off at the row's
range; that is exact for gain and equalizers, and near for low-pass and codecs, whose upper bands are gone.
Rows of other families stay: they do not follow from the mel rows. On the embedded catalogue a quarter of the
windows through channels makes predictions nearly independent of the channel and costs the cold songs nothing
(`benchmarks/elsewhere.py`); half of them cost mAP@500.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor

from earshot.columns import N_FRAMES
from earshot.features.mel import mel_frequencies
from earshot.params import Augment
from earshot.predictors.artist_vectors import ArtistVectors
from earshot.predictors.inputs import Batch, Beside, average_matrix, draw_starts, read_songs, read_windows
from earshot.predictors.load import device
from earshot.store.reader import HyperImageStore
from earshot.store.rows import LEVELS, ImageFormat
from earshot.training.examples import Examples
from earshot.training.ranks import ALONE, Ranks

_EQ_BANDS = 5
"""Points of a random equalizer; between them it is a line."""
_CODEC_LOSS = 0.3
"""Share of the frames in which a codec leaves out its uppermost bands."""


class Channels:
    """Random channels for windows of images.

    Parameters
    ----------
    image_format
        Of the images; those without mel rows stay as they are.
    settings
        How far channels go.
    """

    def __init__(self, image_format: ImageFormat, settings: Augment) -> None:
        self._settings = settings
        there = any(row.family == "mel" for row in image_format.rows)
        self._mel = image_format.row_slice(["mel"]) if there else np.empty(0, np.intp)
        nyquist = image_format.sample_rate / 2
        # centres of the bands: the first and last point are edges of the outer triangles
        self._hertz = mel_frequencies(len(self._mel) + 2, nyquist)[1:-1] if there else np.empty(0)
        self._levels_per_db = 1 / np.array([image_format.rows[row].scale for row in self._mel])  # (n_mels,)

    def through(
        self, windows: NDArray[np.uint8], draw: np.random.Generator, first: int = 0, n: int | None = None
    ) -> NDArray[np.uint8]:
        """`windows` (own, n_frames, n_rows), a share of them through a channel each.

        They are those from the `first` on of a batch of `n`, whose channels are drawn for all of them.
        """
        if not len(self._mel):
            return windows
        chosen = np.flatnonzero(draw.random(len(windows) if n is None else n) < self._settings.share)
        changed = windows.copy()
        for window in chosen - first:
            added = self._channel(windows.shape[1], draw)  # (n_frames, n_mels)
            if 0 <= window < len(windows):
                # changed[window] is a view, so this writes into `changed`
                levels = windows[window][:, self._mel] + added
                changed[window][:, self._mel] = np.clip(np.rint(levels), 0, LEVELS)
        return changed

    def _channel(self, n_frames: int, draw: np.random.Generator) -> NDArray[np.float64]:
        """Levels to add, (n_frames, n_mels): gain and equalizer; half of the time a low-pass or codec too."""
        settings, n_mels = self._settings, len(self._mel)
        points = draw.uniform(-settings.eq_db, settings.eq_db, _EQ_BANDS)
        curve = np.interp(np.linspace(0, _EQ_BANDS - 1, n_mels), np.arange(_EQ_BANDS), points)  # (n_mels,)
        decibels = np.tile(curve + draw.uniform(-settings.gain_db, settings.gain_db), (n_frames, 1))
        kind = draw.integers(4)  # 0 a low-pass, 1 a codec, 2 and 3 neither
        # As likely in each octave, up to the highest band; 60 dB an octave, or all at once.
        cutoff = np.exp(draw.uniform(np.log(settings.low_pass_hz), np.log(self._hertz[-1])))
        above = np.maximum(0.0, np.log2(self._hertz / cutoff))  # octaves, 0 below the cutoff, (n_mels,)
        if kind == 0:
            decibels -= 60 * above
        elif kind == 1:
            lost = draw.random(n_frames) < _CODEC_LOSS
            decibels[:, above > 0] = -200  # below the range of a row, whatever was there
            decibels[np.ix_(lost, self._hertz > cutoff / 2)] = -200  # in these frames the octave below too
        return decibels * self._levels_per_db


_VALIDATION_SONGS_AT_ONCE = 32

TrainingBatch = tuple[list[Tensor], Tensor]
"""Of n windows those of a rank as `earshot.predictors.inputs.Batch`; of all n the song's row in the examples.

The latter are int64 (n,). Of one rank all windows are its own.
"""

ValidationBatch = tuple[list[Tensor], Tensor, Tensor]
"""Of n songs those of a rank: windows as above, float32 (own, windows) to average them; of all n the rows."""


class RandomWindows:
    """Epochs of windows drawn at random; batch b of epoch e depends on (seed, e, b) alone.

    It says where it stands (`state_dict`), so that a training goes on in the
    middle of an epoch as if it had never stopped.
    """

    def __init__(
        self,
        store: HyperImageStore,
        examples: Examples,
        *,
        n_frames: int,
        windows_per_song: int,
        batch_size: int,
        seed: int,
        channels: Channels | None = None,
        others: Sequence[Beside] = (),
        artists: ArtistVectors | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self._store = store
        self._others = others
        self._artists = artists
        self._ranks = ranks
        self._channels = channels
        self._positions = examples.positions[: examples.n_training]
        self._song_frames = store.songs[N_FRAMES].to_numpy(dtype=np.int64)[self._positions]
        self._n_frames = n_frames
        self._windows_per_song = windows_per_song
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self._batches_read = 0

    def __len__(self) -> int:
        return -(-len(self._positions) * self._windows_per_song // self._batch_size)  # rounded up

    def __iter__(self) -> Iterator[TrainingBatch]:
        if self._batches_read == len(self):
            self._epoch, self._batches_read = self._epoch + 1, 0
        songs, starts = self._epoch_windows()  # (n_windows,) each, in the order of the epoch

        def read(number: int) -> TrainingBatch:
            batch = slice(number * self._batch_size, (number + 1) * self._batch_size)
            own = self._ranks.part(len(songs[batch]))
            images, *others = read_windows(
                self._store,
                self._others,
                self._positions[songs[batch][own]],
                starts[batch][own],
                self._n_frames,
                self._artists,
            )
            if self._channels is not None:
                draw = np.random.default_rng([self._seed, self._epoch, number])
                images = self._channels.through(images, draw, own.start, len(songs[batch]))
            return _tensors((images, *others)), _tensor(songs[batch])

        with ThreadPoolExecutor(1) as reader:  # one batch ahead, while the network learns
            ahead = reader.submit(read, self._batches_read)
            while self._batches_read < len(self):
                batch = ahead.result()
                self._batches_read += 1
                if self._batches_read < len(self):
                    ahead = reader.submit(read, self._batches_read)
                yield batch

    def _epoch_windows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        draw = np.random.default_rng([self._seed, self._epoch])
        songs = draw.permutation(np.repeat(np.arange(len(self._positions)), self._windows_per_song))
        return songs, draw_starts(self._song_frames[songs], self._n_frames, draw)

    def state_dict(self) -> dict[str, int]:
        """Number of the epoch, and how many of its batches have been read."""
        return {"epoch": self._epoch, "batches_read": self._batches_read}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from the place that `state_dict` gave."""
        self._epoch, self._batches_read = state["epoch"], state["batches_read"]


class WholeSongs:
    """The validation songs, each by all its consecutive windows."""

    def __init__(
        self,
        store: HyperImageStore,
        examples: Examples,
        n_frames: int,
        others: Sequence[Beside] = (),
        artists: ArtistVectors | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self._store = store
        self._others = others
        self._artists = artists
        self._ranks = ranks
        self._positions = examples.positions
        self._first = examples.n_training
        self._n_frames = n_frames

    def __len__(self) -> int:
        return -(-(len(self._positions) - self._first) // _VALIDATION_SONGS_AT_ONCE)

    def __iter__(self) -> Iterator[ValidationBatch]:
        for start in range(self._first, len(self._positions), _VALIDATION_SONGS_AT_ONCE):
            songs = np.arange(start, min(start + _VALIDATION_SONGS_AT_ONCE, len(self._positions)))
            own = self._positions[songs[self._ranks.part(len(songs))]].tolist()
            batch, owners = read_songs(self._store, self._others, own, self._n_frames, self._artists)
            yield _tensors(batch), average_matrix(owners, len(own)), _tensor(songs)


def _tensors(batch: Batch) -> list[Tensor]:
    return [_tensor(part) for part in batch]


def _tensor(values: NDArray[Any]) -> Tensor:
    """In memory that a GPU reads while the last step goes on, if there is one."""
    tensor = torch.from_numpy(values)
    return tensor.pin_memory() if device().type == "cuda" else tensor


class SongWindows(LightningDataModule):
    """Lightning's view of the two.

    It keeps the place in the training windows itself: Lightning restores that
    of a loader only where it stopped in the middle of an epoch.
    """

    def __init__(self, training: RandomWindows, validation: WholeSongs) -> None:
        super().__init__()
        self._training = training
        self._validation = validation

    def train_dataloader(self) -> RandomWindows:
        """The windows drawn at random, which make their own batches."""
        return self._training

    def val_dataloader(self) -> WholeSongs:
        """The validation songs, which make their own batches."""
        return self._validation

    def state_dict(self) -> dict[str, int]:
        """The place in the training windows: part of the checkpoint."""
        return self._training.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from the place in the training windows that the checkpoint holds."""
        self._training.load_state_dict(state)
