"""Claim: a random window is read from the store on disk at a good share of the speed of copying it in memory.

    python benchmarks/window_reader.py [SONGS] [ROUNDS]

Batches of 64 windows of 3 s at random places, through `HyperImageStore.windows`, once
the files are in the page cache. The rival, and the floor, has all frames of all songs in one
array and copies the same windows, slice by slice, into a new batch of the same shape.
Wall time, one thread.

The last line is JSON: songs, store_mb, rounds, windows_per_s, memory_windows_per_s, share_of_memory.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from noise_store import write_noise_store
from numpy.typing import NDArray
from turns import median_seconds, timed

from earshot.params import load_params
from earshot.store.reader import HyperImageStore

BATCH = 64
BATCHES = 50
WINDOW_SECONDS = 3.0

Frames = NDArray[np.uint8]
Places = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Songs and first frames of the windows of each batch."""


def main(n_songs: int = 400, rounds: int = 15) -> None:
    """Build the store, let the two take turns, print."""
    settings = load_params(Path(__file__).parents[1] / "params.yaml").hyper_images
    with tempfile.TemporaryDirectory() as folder:
        store = write_noise_store(Path(folder), n_songs, settings)
        frames = in_memory(store)
        seconds = measure(store, frames, rounds)
    speeds = {name: round(BATCHES * BATCH / median) for name, median in seconds.items()}
    for name, speed in speeds.items():
        print(f"{name:8} {speed:10,} windows/s")
    result = {"songs": n_songs, "store_mb": round(frames.nbytes / 1e6), "rounds": rounds}
    result |= {"windows_per_s": speeds["store"], "memory_windows_per_s": speeds["memory"]}
    print(json.dumps(result | {"share_of_memory": round(seconds["memory"] / seconds["store"], 3)}))


def in_memory(store: HyperImageStore) -> Frames:
    """All frames of all songs, end to end in the order of `store.songs`."""
    n_frames = store.songs["n_frames"].tolist()
    return np.concatenate([store.windows([song], [0], length)[0] for song, length in enumerate(n_frames)])


def measure(store: HyperImageStore, frames: Frames, rounds: int) -> dict[str, float]:
    """Median seconds of a round of the same batches either way."""
    n_frames = store.songs["n_frames"].to_numpy()
    window = round(WINDOW_SECONDS * store.frames_per_second)
    places = random_places(n_frames, window)
    first_of_song = np.cumsum(n_frames) - n_frames
    firsts = [(first_of_song[songs] + starts).tolist() for songs, starts in places]
    check_equal(store, frames, places, firsts, window)
    ways = {
        "store": lambda: [store.windows(songs, starts, window).size for songs, starts in places],
        "memory": lambda: [copied(frames, batch, window).size for batch in firsts],
    }
    turns = {name: partial(timed, time.perf_counter, way) for name, way in ways.items()}
    return median_seconds(turns, rounds)


def random_places(n_frames: NDArray[np.int64], window: int) -> Places:
    draw = np.random.default_rng(0)
    songs = [draw.integers(0, len(n_frames), BATCH) for _ in range(BATCHES)]
    return [(some, draw.integers(0, n_frames[some] - window, endpoint=True)) for some in songs]


def copied(frames: Frames, firsts: Sequence[int], window: int) -> Frames:
    """The rival: `(len(firsts), window, n_rows)`, slice by slice."""
    batch = np.empty((len(firsts), window, frames.shape[1]), np.uint8)
    for place, first in zip(batch, firsts, strict=True):
        place[:] = frames[first : first + window]
    return batch


def check_equal(
    store: HyperImageStore, frames: Frames, places: Places, firsts: Sequence[Sequence[int]], window: int
) -> None:
    """Refuse to compare two ways that do not give the same."""
    for (songs, starts), batch in zip(places, firsts, strict=True):
        if not np.array_equal(store.windows(songs, starts, window), copied(frames, batch, window)):
            raise SystemExit("the store and the copy in memory differ")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
