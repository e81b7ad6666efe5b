"""What every layer of networks that were trained for tags makes of songs, and the ladder of its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auto_tagging.networks import tagger
from auto_tagging.params import Tagger
from auto_tagging.protocol import TagFold
from earshot.arrays import positions_of
from earshot.encoders.frame_level import Levels
from earshot.errors import UserError
from earshot.files import read_json, write_json, write_table
from earshot.predictors.load import predict
from earshot.predictors.song_encoder import with_network
from earshot.store.reader import HyperImageStore

Singles = NDArray[np.float32]


def refuse_networks_without_levels(networks: Mapping[str, Tagger]) -> None:
    """UserError for an encoder whose layers cannot be read."""
    from earshot.classes import load_class

    for name, each in networks.items():
        kind = load_class(each.encoder.class_path, f"networks.{name}.encoder.class_path")
        if not hasattr(kind, "levels"):
            raise UserError(
                f"networks.{name}.encoder.class_path={each.encoder.class_path!r}: wanted an encoder with "
                "`levels` and `level_widths`, such as earshot.encoders.frame_level:FrameLevelCnn"
            )


def level_vectors(fold: TagFold, name: str, network: Tagger) -> list[Singles]:
    """Of every layer of a network trained for the fold's tags: float32 `(n_songs of the store, channels)`.

    The maximum within a window, the mean over a song's consecutive windows.
    """
    encoder = tagger(fold, name, network.cnn)
    levels, store = Levels(encoder.network), fold.task.store

    def make() -> Singles:
        return predict(with_network(encoder, levels, levels.n_outputs), store, range(len(store.songs)))

    widths: list[int] = encoder.network.level_widths  # type: ignore[assignment]
    return np.split(fold.kept(f"levels-{name}", make), np.cumsum(widths)[:-1], axis=1)


Vectors = Mapping[str, Sequence[Singles]]
"""By network, vectors of songs of each of its levels, `(n_songs, channels)`, the first layer first."""

Part = Callable[[Vectors], Singles]


def last_of(name: str) -> Part:
    """The last layer of one network."""
    return lambda vectors: vectors[name][-1]


def levels_of(name: str) -> Part:
    """All layers of one network, side by side."""
    return lambda vectors: np.hstack(vectors[name])


def last_of_all(vectors: Vectors) -> Singles:
    """The last layer of every network."""
    return np.hstack([each[-1] for each in vectors.values()])


def levels_of_all(vectors: Vectors) -> Singles:
    """All layers of every network."""
    return np.hstack([level for each in vectors.values() for level in each])


LAST_OF_ALL, LEVELS_OF_ALL = "last_of_all", "levels_of_all"


def ladder(networks: Sequence[str]) -> dict[str, Part]:
    """The parts by name, from the last layer of one network to all layers of all."""
    lasts = {f"last_of_{name}": last_of(name) for name in networks}
    levels = {f"levels_of_{name}": levels_of(name) for name in networks}
    return {**lasts, **levels, LAST_OF_ALL: last_of_all, LEVELS_OF_ALL: levels_of_all}


def describe_ladder(networks: Sequence[str]) -> dict[str, str]:
    """What each part is, in words, by name."""
    lasts = {f"last_of_{name}": f"the last layer of {name}" for name in networks}
    levels = {f"levels_of_{name}": f"every layer of {name}" for name in networks}
    every = {LAST_OF_ALL: "the last layer of every network", LEVELS_OF_ALL: "every layer of every network"}
    return {**lasts, **levels, **every}


def write_levels(folder: Path, vectors: Vectors, store: HyperImageStore) -> None:
    """Write the vectors of all songs of the store to a new folder."""
    folder.mkdir(parents=True)
    write_table(folder / "songs.parquet", store.songs[["song_id"]])
    write_json(folder / "levels.json", {name: len(levels) for name, levels in vectors.items()})
    for name, levels in vectors.items():
        for number, level in enumerate(levels):
            np.save(folder / f"{name}-{number}.npy", level, allow_pickle=False)


def read_levels(folder: Path, song_ids: Sequence[str] | NDArray[np.object_]) -> Vectors:
    """The vectors of songs, in their order, each level (n_songs, d). UserError for a song that has none."""
    import pandas as pd

    rows = positions_of(pd.read_parquet(folder / "songs.parquet")["song_id"], song_ids)
    if (rows < 0).any():
        missing = np.asarray(song_ids, dtype=object)[rows < 0][0]
        raise UserError(f"{folder}: no vectors of song {missing!r}; run the stage cross_validation again")
    return {
        name: [np.load(folder / f"{name}-{number}.npy")[rows] for number in range(n_levels)]
        for name, n_levels in read_json(folder / "levels.json").items()
    }
