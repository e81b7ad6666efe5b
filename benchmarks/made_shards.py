"""A large catalogue from hyper-images on, without rendering its sound: what `earshot plan` is held against.

    python benchmarks/made_shards.py WORKSPACE SOURCE ARTISTS LISTENERS

WORKSPACE is a clone of the project that has taken in nothing, SOURCE one that has the hyper-images of
`earshot demo`, or of `earshot demo --artists N` for a smaller N. WORKSPACE gets what `earshot demo --artists
ARTISTS` brings, 6.7 songs an artist, but of so many listeners, and without sound: a delivery that has none is
taken in, then the outputs of raw_audio and hyper_images are made, in which each song has the image of that
song of SOURCE whose traits are nearest, moved in time by as many frames as are drawn, with noise of a
hundredth of its scale. So what listeners like can be heard, and no two songs are the same. After that,

    python benchmarks/unit_costs.py WORKSPACE play_counts training_set wmf_search ...

measures the later stages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from earshot import columns
from earshot.datasets.embedded import listeners
from earshot.datasets.embedded.catalogue import (
    N_ARTISTS,
    N_SONGS,
    MadeSong,
    catalogue_songs,
    larger_catalogue,
    song_table,
)
from earshot.datasets.embedded.randomness import digest
from earshot.datasets.embedded.traits import taste_coordinates
from earshot.extraction import images
from earshot.features.hyper_image import Excerpt
from earshot.files import write_json, write_table
from earshot.stages import hyper_images, runner
from earshot.store.reader import HyperImageStore
from earshot.store.rows import LEVELS
from earshot.store.shards import Outcome

LISTENERS_AT_ONCE = 128
LINKS = 50_000
"""To one file: some file systems have no more than 65,000."""
NOISE = 2
"""Of the 255 levels of a stored value, at most, up or down."""


def main(workspace: Path, source: Path, n_artists: int, n_listeners: int) -> None:
    """Fill `workspace`, up to the hyper-images."""
    songs, _ = larger_catalogue(n_artists)
    folder = workspace / "made"
    folder.mkdir()
    song_table(songs).drop(columns=columns.AUDIO).to_parquet(folder / "songs.parquet", index=False)
    play_table(songs, n_listeners).to_parquet(folder / "plays.parquet", index=False)
    write_json(folder / "delivery.json", {columns.SOURCE: "made-shards", "plays": "increment"})
    for command in (["earshot", "ingest", folder.name], ["dvc", "repro", "--single-item", "raw_audio"]):
        subprocess.run(command, cwd=workspace, check=True)
    give_sound(workspace, source)
    store = HyperImageStore.open(source / "data" / "hyper_images")
    images.parallel_map = BorrowedImages(songs, store).each  # type: ignore[attr-defined]
    hyper_images._refuse_missing = lambda *_: None  # there is no sound
    print(json.dumps(runner.run_stage(workspace, "hyper_images")))


def play_table(songs: Sequence[MadeSong], n_listeners: int) -> pd.DataFrame:
    """As `catalogue.play_table` of the embedded catalogue, many listeners at once, of other tastes."""
    features = listeners.taste_features(np.array([taste_coordinates(song.traits) for song in songs]))
    features = features.astype(np.float32)
    features -= features.mean(axis=0)
    renown = np.array([listeners.draw_renown(song.number) for song in songs], dtype=np.float32)
    song_ids = np.array([song.song_id for song in songs])
    rng, tables = np.random.default_rng(0), []
    for first in range(0, n_listeners, LISTENERS_AT_ONCE):
        n = min(LISTENERS_AT_ONCE, n_listeners - first)
        weights = rng.standard_normal((n, features.shape[1]), dtype=np.float32)
        drawn_to = listeners.TASTE * weights @ features.T + renown  # (n, n_songs)
        waits = rng.standard_exponential(drawn_to.shape, dtype=np.float32)
        np.log(np.maximum(waits, 1e-30, out=waits), out=waits)  # of 2^24 one is 0
        against = waits - drawn_to  # less what the Gumbel-top-k trick adds to
        counts = listeners.MEDIAN_SONGS * np.exp(0.7 * rng.standard_normal(n))
        for row, n_songs in enumerate(np.clip(counts, 8, len(songs) / 2).astype(int)):
            played = np.sort(np.argpartition(against[row], n_songs)[:n_songs])
            often = np.exp(0.5 + 0.3 * drawn_to[row, played] + 1.1 * rng.standard_normal(n_songs))
            user_id = "u" + digest("listener", first + row)[:10]
            content = {columns.USER_ID: user_id, columns.SONG_ID: song_ids[played]}
            tables.append(pd.DataFrame(content | {columns.PLAY_COUNT: 1 + often.astype(np.int64)}))
    return pd.concat(tables, ignore_index=True)


def give_sound(workspace: Path, source: Path) -> None:
    """Have raw_audio say that every song has sound of its own; its file is that of one song of `source`."""
    raw_audio = workspace / "data" / "raw_audio"
    songs = pd.read_parquet(raw_audio / "songs.parquet")
    like = pd.read_parquet(source / "data" / "raw_audio" / "files.parquet").iloc[0]
    sound = {name: like[name] for name in like.index if name not in (columns.DELIVERY, columns.SONG_ID)}
    heard = songs.assign(**sound).astype({name: songs[name].dtype for name in sound})
    heard[columns.AUDIO] = "made/" + songs[columns.SONG_ID] + ".mp3"
    for number, name in enumerate(heard[columns.AUDIO]):
        if number % LINKS == 0:
            first = workspace / name
            shutil.copyfile(source / like[columns.AUDIO], first)
        else:
            os.link(first, workspace / name)
    heard[columns.AUDIO_MD5] = [digest("sound", song_id)[:32] for song_id in songs[columns.SONG_ID]]
    write_table(raw_audio / "songs.parquet", heard)
    write_table(raw_audio / "files.parquet", heard[list(like.index)])


class BorrowedImages:
    """For each of some songs, by id, the image of the song of a store whose traits are nearest."""

    def __init__(self, songs: Sequence[MadeSong], store: HyperImageStore) -> None:
        there = _songs_of(store)
        nearest = KDTree(_places(there)).query(_places(songs))[1]
        pairs = zip(songs, nearest, strict=True)
        self._store = store
        self._like = {song.song_id: store.position(there[row].song_id) for song, row in pairs}
        self._rng = np.random.default_rng(0)

    def each(self, _: Any, tasks: Iterable[Excerpt], **__: Any) -> Iterator[Outcome]:
        """In place of `earshot.executors.parallel_map`, which would extract the images."""
        return (self._image(self._like[task.path.stem]) for task in tasks)

    def _image(self, position: int) -> Outcome:
        frames = self._store.frames(position)
        moved = np.roll(frames, int(self._rng.integers(len(frames))), axis=0).astype(np.int16)
        moved += self._rng.integers(-NOISE, NOISE + 1, frames.shape, dtype=np.int8)
        return np.clip(moved, 0, LEVELS).astype(np.uint8)


def _songs_of(store: HyperImageStore) -> list[MadeSong]:
    """The made songs of a store, of the frozen catalogue or of a larger one."""
    ids = set(store.songs[columns.SONG_ID])
    n_artists = -(-len(ids) * N_ARTISTS // N_SONGS)  # rounded up, as songs are down
    for songs in (catalogue_songs(), larger_catalogue(n_artists)[0]):
        if len(found := [song for song in songs if song.song_id in ids]) == len(ids):
            return found
    sys.exit(f"{store.folder}: wanted the hyper-images of all songs of `earshot demo`, and of no other music")


def _places(songs: Sequence[MadeSong]) -> NDArray[Any]:
    return np.array([taste_coordinates(song.traits) for song in songs]) / listeners.LENGTH_SCALES


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), *map(int, sys.argv[3:]))
