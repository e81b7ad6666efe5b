"""Claim: by their sound alone, songs lie nearer to their genre than by the mean and deviation of their MFCCs.

    python benchmarks/sound_alone.py [WORKSPACE ...]

Of workspaces (by default the one this file is in) in which data/raw_audio and data/hyper_images are made: of
every song that has a genre and an artist, the ten nearest by other artists among such songs, by cosine, and
the share of them whose first genre is its own.

- chance: that share of all songs by other artists;
- mfcc: mean and deviation of the 13 MFCC rows of the hyper-image, standardized;
- sound: as songs are served without a model (`earshot.queries.sound_space`);
- whitened: the same, divided by the deviation along each direction, as was tried;
- with_modulation: the statistics and modulation spectra side by side, weighing as much as each other.

Intervals (95 %) are those of the jackknife over artists, whose songs are left out both as songs that are
asked about and as neighbours; sound_minus_mfcc is paired.

The last line is JSON: of each workspace by its path songs, artists, genres, and of every way its value, low
and high; statistics_ms and modulation_ms of CPU a song.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.baselines.linear import modulation_spectra
from earshot.columns import ARTIST_ID, GENRES, SONG_ID
from earshot.evaluation.intervals import jackknife_interval
from earshot.extraction.statistics import row_statistics
from earshot.queries.sound_space import SoundSpace
from earshot.recommend.similar import unit
from earshot.store.reader import HyperImageStore

K = 10
Numbers = NDArray[np.float64]


def nearest(vectors: Numbers, artists: NDArray[Any], depth: int) -> NDArray[np.int64]:
    """(n, depth): rows of the nearest songs by other artists, by cosine."""
    cosines = unit(vectors) @ unit(vectors).T
    cosines[artists[:, None] == artists] = -np.inf
    return np.argsort(-cosines, axis=1, kind="stable")[:, :depth]


def shares(neighbours: NDArray[np.int64], same: NDArray[np.bool_], kept: NDArray[np.bool_]) -> float:
    """The mean share of the same genre in the first K neighbours that are `kept`, of songs that are."""
    there = kept[neighbours]  # (n, depth)
    first = there & (np.cumsum(there, axis=1) <= K)
    found = (first & same).sum(axis=1) / first.sum(axis=1)
    return float(found[kept].mean())


def chance(genres: NDArray[Any], artists: NDArray[Any], kept: NDArray[np.bool_]) -> float:
    """The mean share of the same genre in all songs by other artists."""
    genres, artists = genres[kept], artists[kept]
    others = artists[:, None] != artists
    return float(((genres[:, None] == genres) & others).sum(axis=1).mean() / others.sum(axis=1).mean())


def standardized(values: NDArray[Any]) -> Numbers:
    """Each column with mean 0 and deviation 1."""
    values = values.astype(np.float64)
    return (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9)


def measure(root: Path) -> dict[str, Any]:
    """All ways, in the workspace `root`."""
    store = HyperImageStore.open(root / "data" / "hyper_images")
    catalogue = pd.read_parquet(root / "data" / "raw_audio" / "songs.parquet").set_index(SONG_ID)
    told = catalogue.reindex(store.songs[SONG_ID]).fillna({GENRES: "", ARTIST_ID: ""})
    genres = told[GENRES].str.split(";").str[0].str.strip().to_numpy(dtype=str)
    artists = told[ARTIST_ID].to_numpy(dtype=str)
    known = np.flatnonzero((genres != "") & (artists != ""))
    genres, artists = genres[known], artists[known]
    names = np.unique(artists)
    found: dict[str, Any] = {"songs": len(known), "artists": len(names), "genres": len(np.unique(genres))}
    started = time.process_time()
    # (n, 3, n_rows): mean, deviation, step
    statistics = np.stack([row_statistics(store.frames(int(song))) for song in known])
    found["statistics_ms"] = round((time.process_time() - started) / len(known) * 1e3, 2)
    started = time.process_time()
    spectra = modulation_spectra(store, known).reshape(len(known), -1)
    found["modulation_ms"] = round((time.process_time() - started) / len(known) * 1e3, 2)
    flat = statistics.reshape(len(known), -1)
    space = SoundSpace.of(flat)
    turned = (flat - space.mean) / space.deviation @ space.directions
    mfcc = statistics[:, :2, store.row_slice(["mfcc"])].reshape(len(known), -1).astype(np.float64)
    blocks = [standardized(block) / np.sqrt(block.shape[1]) for block in (flat, spectra)]
    ways = {
        "mfcc": standardized(mfcc),
        "sound": space.place(flat),
        "whitened": standardized(turned),
        "with_modulation": np.concatenate(blocks, axis=1),
    }
    depth = K + max(int((artists == name).sum()) for name in names)
    every, without = np.ones(len(known), np.bool_), [artists != name for name in names]
    values = {"chance": np.array([chance(genres, artists, kept) for kept in [every, *without]])}
    for way, vectors in ways.items():
        neighbours = nearest(vectors, artists, depth)
        same = genres[neighbours] == genres[:, None]
        values[way] = np.array([shares(neighbours, same, kept) for kept in [every, *without]])
    values["sound_minus_mfcc"] = values["sound"] - values["mfcc"]
    for way, each in values.items():
        interval = jackknife_interval(each[0], each[1:])
        found[way] = [round(number, 4) for number in (interval.value, interval.low, interval.high)]
        print(f"{way:18s} {interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})")
    return found


if __name__ == "__main__":
    measured = {}
    for workspace in sys.argv[1:] or [str(Path(__file__).parents[1])]:
        print(workspace)
        measured[workspace] = measure(Path(workspace))
    print(json.dumps(measured))
