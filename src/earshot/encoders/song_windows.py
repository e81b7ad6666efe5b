"""A song as the windows it is cut into: consecutive ones to hear it whole, one at random to learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from earshot.audio.store import HyperImageStore
from earshot.columns import N_FRAMES


def consecutive(n_frames: int, window: int) -> NDArray[np.int64]:
    """First frames of as few windows as cover a song, evenly spaced, the last one ending where the song does.

    Example
    -------
    >>> consecutive(10, 5), consecutive(10, 4), consecutive(3, 5)
    (array([0, 5]), array([0, 3, 6]), array([0]))
    """
    count = max(1, -(-n_frames // window))
    return np.rint(np.linspace(0, max(0, n_frames - window), count)).astype(np.int64)


def read_songs(
    store: HyperImageStore, positions: Sequence[int], window: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All consecutive windows of some songs.

    Returns
    -------
    windows
        uint8 (n_windows, window, all rows).
    owners
        Place in `positions` of the song of each window, (n_windows,).
    """
    n_frames = store.songs[N_FRAMES].to_numpy()
    starts = [consecutive(int(n_frames[position]), window) for position in positions]
    owners = np.repeat(np.arange(len(positions)), [len(some) for some in starts])
    windows = store.windows(np.asarray(positions)[owners], np.concatenate(starts), window)
    return windows, owners


def average_matrix(owners: NDArray[np.int64], n_songs: int) -> torch.Tensor:
    """float32 (n_songs, n_windows) that takes window vectors to the mean of each song."""
    member = (np.arange(n_songs)[:, None] == owners[None, :]).astype(np.float32)
    return torch.from_numpy(member / member.sum(axis=1, keepdims=True))


def draw_starts(n_frames: NDArray[np.int64], window: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """A first frame for each of some songs of `n_frames`, any place where a window fits being as likely."""
    return draw.integers(0, np.maximum(n_frames - window, 0), endpoint=True)
