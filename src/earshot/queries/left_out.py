"""What an encoder makes of a song of which one window is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from earshot.columns import N_FRAMES
from earshot.predictors.familiar import song_sound
from earshot.predictors.inputs import consecutive, read_songs
from earshot.predictors.song_encoder import SongEncoder
from earshot.store.reader import HyperImageStore


@dataclass(frozen=True)
class LeftOut:
    """A song whole, and without each of its consecutive windows.

    Attributes
    ----------
    first_frames
        (n_windows,), ascending; windows may overlap (`earshot.predictors.inputs.consecutive`).
    whole
        float32 (d,), as of `earshot.predictors.load.hear`.
    without
        float32 (n_windows, d): the same of the other windows. Of a song with one there is none, (0, d).
    """

    first_frames: NDArray[np.int64]
    whole: NDArray[np.float32]
    without: NDArray[np.float32]


def hears_windows(encoder: SongEncoder) -> bool:
    """Whether a window says anything to it: not where all that it hears is said of whole songs."""
    return encoder.hears_image or any(each.unit == "frame" for each in encoder.others)


def leave_out(encoder: SongEncoder, store: HyperImageStore, position: int) -> LeftOut:
    """Hear a song, and what is left of it without each of its windows.

    Every window goes through the network once. Means over windows, and how far the song is from those
    trained on (`Familiar`), are taken anew of the windows that are left; what is said of the whole song,
    such as its artist, stays.

    Parameters
    ----------
    encoder
        From `load_encoder`.
    store
        Hyper-images of the feature key that the encoder was trained on.
    position
        Line of `store.songs`.
    """
    batch, _ = read_songs(store, encoder.others, [position], encoder.n_frames, encoder.artists)
    n_windows = len(batch[0])
    left = np.ones((1 if n_windows == 1 else 1 + n_windows, n_windows))
    left[1:] -= np.eye(n_windows)[: len(left) - 1]  # row 0 is of all windows, row 1 + n without window n
    left /= left.sum(axis=1, keepdims=True)
    vectors = _vectors(encoder, batch, left)
    if encoder.familiar is not None:
        unlike = encoder.familiar.unlike(vectors, _sounds(batch[0][:, :, encoder.rows], left))
        vectors = encoder.familiar.shrink(vectors, unlike)
    firsts = consecutive(int(store.songs[N_FRAMES].to_numpy()[position]), encoder.n_frames)
    return LeftOut(firsts, vectors[0], vectors[1:])


@torch.inference_mode()
def _vectors(
    encoder: SongEncoder, batch: tuple[NDArray[np.generic], ...], left: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Of each weighting of the windows, (n, n_windows), the vector on the scale of the targets, (n, d)."""
    where = encoder.row_mean.device
    outputs = encoder(*(torch.from_numpy(part).to(where) for part in batch))  # (n_windows, d)
    averages = torch.from_numpy(left.astype(np.float32)).to(where) @ outputs
    return np.asarray(encoder.vectors(averages).cpu().numpy(), dtype=np.float32)


def _sounds(windows: NDArray[np.uint8], left: NDArray[np.float64]) -> NDArray[np.float64]:
    """`song_sound` of each weighting of the windows, (n, 2 * n_rows); all windows have as many frames."""
    # of each window as a song of its own: means and deviations, (n_windows, n_rows) each
    mean, deviation = np.split(song_sound(windows, np.arange(len(windows))), 2, axis=1)
    mean, square = left @ mean, left @ (deviation**2 + mean**2)
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))], axis=1)
