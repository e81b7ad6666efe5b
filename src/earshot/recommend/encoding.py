"""Factors out of sound: of a whole catalogue, shard by shard, and of a model on today's snapshot."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from earshot.columns import FIRST_FRAME, N_FRAMES, SHARD, SONG_ID
from earshot.executors import has_machines_elsewhere
from earshot.files import link, read_json, replace_array, write_json
from earshot.predictors.spreading import spread_networks
from earshot.processes import progress
from earshot.spaces.placing import Ids, Vectors
from earshot.store.families import WORDS
from earshot.store.reader import HyperImageStore

if TYPE_CHECKING:
    import pandas as pd

    from earshot.predictors.load import Heard
    from earshot.predictors.song_encoder import SongEncoder

Item = TypeVar("Item")

NAMES = "names.json"
"""The file of each shard, among those of the encoder that serves."""


def file_name(encoder_key: str, shard: str, values_hash: str = "") -> str:
    """Name of the file with what an encoder predicted for a shard; `values_hash` as of `_values_hash`."""
    return f"{encoder_key}-{shard}{values_hash and '-'}{values_hash}.npy"


def is_of(name: str, encoder_key: str, shards: Collection[str]) -> bool:
    """Whether a file of that name holds what the encoder predicted for one of the shards."""
    key, _, rest = name.removesuffix(".npy").partition("-")
    return key == encoder_key and rest.partition("-")[0] in shards


def encode_shards(
    store: HyperImageStore,
    encoder_folder: Path,
    encoder_key: str,
    relink: Callable[[str], bool],
    work: Path,
    folder: Path,
    trusted: Collection[str] = (),
) -> None:
    """Have in `folder` the predicted factors of every shard of `store`.

    A file holds *all* images of its shard, so it stays true when songs are
    withdrawn or delivered again: `.npy` of (first_frame int64, factors float32, unlike
    float32), the latter two as in `earshot.predictors.load.Heard`. Where the encoder reads
    families of unit `song`, a hash of its songs' values is in its name. names.json says which are of
    this encoder.

    Parameters
    ----------
    encoder_folder
        Where `load_encoder` finds the encoder; read only if a shard is new.
    relink
        Puts the file of that name into `folder`, if an earlier run made it.
    work
        Where finished files outlive a kill.
    trusted
        As in `load_encoder`.
    """
    file_names = _file_names(store, encoder_folder, encoder_key)
    write_json(folder / NAMES, file_names)
    new = {shard: name for shard, name in file_names.items() if not relink(name)}
    # a killed run may have left some of them in `work`
    missing = {shard: work / name for shard, name in new.items() if not (work / name).is_file()}
    if missing:
        _encode(store, encoder_folder, missing, trusted)
    for name in new.values():
        link(work / name, folder / name)


def _file_names(store: HyperImageStore, encoder_folder: Path, encoder_key: str) -> dict[str, str]:
    """The file name of every shard."""
    others = read_json(encoder_folder / "encoder.json").get("others", ())
    families = [family["name"] for family in others if family["unit"] == "song"]
    songs = store.songs[SHARD].to_numpy()
    return {
        str(shard): file_name(
            encoder_key, str(shard), _values_hash(store, np.flatnonzero(songs == shard), families)
        )
        for shard in sorted(store.songs[SHARD].unique())
    }


def _values_hash(store: HyperImageStore, positions: NDArray[np.intp], families: Collection[str]) -> str:
    """Hash of the values of the families for some songs; nothing where there is no family."""
    if not families:
        return ""
    ids = store.songs[SONG_ID].to_numpy()[positions].tolist()
    content = hashlib.blake2b(json.dumps(ids).encode(), digest_size=6)
    for family in families:
        if store.family(family).dtype == WORDS:
            content.update(json.dumps(store.words(family, positions)).encode())
        else:
            content.update(store.vectors(family, positions).tobytes())
    return content.hexdigest()


def unknown_words(store: HyperImageStore, encoder_folder: Path) -> dict[str, int]:
    """Words of songs that the encoder did not learn, and of how many songs each is said, most said first."""
    others = read_json(encoder_folder / "encoder.json").get("others", ())
    found: Counter[str] = Counter()
    for family in others:
        if known := set(family["words"]):
            said = store.words(family["name"], range(len(store.songs)))
            found.update(word for words in said for word in words if word not in known)
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def read_encoded(store: HyperImageStore, folder: Path) -> Vectors:
    """Predicted factors of `store.songs`, float32 (n_songs, factors), out of what `encode_shards` wrote."""
    return _read(store, folder, "factors")


def read_unlike(store: HyperImageStore, folder: Path) -> NDArray[np.bool_]:
    """Which of `store.songs` are unlike anything that the encoder was trained on, (n_songs,)."""
    return _read(store, folder, "unlike").reshape(len(store.songs)) > 1  # (0, 0) without songs


def _read(store: HyperImageStore, folder: Path, field: str) -> Vectors:
    if not len(store.songs):
        return np.empty((0, 0), np.float32)
    names = read_json(folder / NAMES)
    parts = [
        _values_of(np.load(folder / names[str(shard)], allow_pickle=False), songs, field)
        for shard, songs in store.songs.groupby(SHARD, sort=True)
    ]
    # parts come by shard: order[i] is the line in store.songs of their i-th row
    order = np.argsort(store.songs[SHARD].to_numpy(), kind="stable")
    values = np.empty((len(store.songs), *parts[0].shape[1:]), np.float32)
    values[order] = np.concatenate(parts)
    return values


def _values_of(encoded: NDArray[Any], songs: pd.DataFrame, field: str) -> Vectors:
    # a shard's file is sorted by first_frame: that finds the line of each song
    values: Vectors = encoded[field][np.searchsorted(encoded[FIRST_FRAME], songs[FIRST_FRAME])]
    return values


def _encode(
    store: HyperImageStore, encoder_folder: Path, missing: dict[str, Path], trusted: Collection[str]
) -> None:
    ear = _Ear(store, encoder_folder, tuple(trusted))
    for path, encoded in zip(missing.values(), _spread(ear.shard, list(missing), unit="shards"), strict=True):
        replace_array(path, encoded)


@dataclass
class _Ear:
    """An encoder and what it hears; whoever it is sent to loads the encoder, once."""

    store: HyperImageStore
    encoder_folder: Path
    trusted: tuple[str, ...]

    @cached_property
    def _encoder(self) -> SongEncoder:
        from earshot.predictors.load import load_encoder

        return load_encoder(self.encoder_folder, self.trusted)

    def shard(self, shard: str) -> NDArray[Any]:
        """What stands in the file of a shard."""
        from earshot.predictors.load import hear

        songs = _songs_of(self.store, shard)
        return _encoded(songs, hear(self._encoder, self.store.only(songs), np.arange(len(songs))))

    def songs(self, positions: NDArray[np.intp]) -> Vectors:
        """Factors of the songs there, float32 (n, factors)."""
        from earshot.predictors.load import predict

        return predict(self._encoder, self.store, positions)


def _spread(
    function: Callable[[Item], NDArray[Any]], items: Sequence[Item], unit: str
) -> Iterator[NDArray[Any]]:
    description = "Predicting factors"
    heard = spread_networks(function, items, description)
    if not has_machines_elsewhere():  # a bar tells of the songs of each item
        return heard
    return iter(progress(heard, description=description, unit=unit, total=len(items)))


def _songs_of(store: HyperImageStore, shard: str) -> pd.DataFrame:
    import pandas as pd

    songs = pd.read_parquet(store.folder / "shards" / f"{shard}.parquet")
    songs = songs[songs[N_FRAMES] > 0]  # the others could not be read
    return songs.assign(**{SHARD: shard}).sort_values(FIRST_FRAME, ignore_index=True)


def _encoded(songs: pd.DataFrame, predicted: Heard) -> NDArray[Any]:
    factors = ("factors", np.float32, predicted.vectors.shape[1:])  # field of shape (factors,)
    encoded = np.empty(len(songs), dtype=[(FIRST_FRAME, np.int64), factors, ("unlike", np.float32)])
    encoded[FIRST_FRAME], encoded["factors"], encoded["unlike"] = (
        songs[FIRST_FRAME],
        predicted.vectors,
        predicted.unlike,
    )
    return encoded


_SONGS_AT_ONCE = 2048


def predict_songs(
    encoder_folder: Path, store: HyperImageStore, song_ids: Ids, work: Path, trusted: Collection[str] = ()
) -> Vectors:
    """What the encoder hears in `song_ids`, float32 (n_songs, factors).

    Blocks of songs outlive a kill in `work`, a folder for this encoder and
    these songs alone. `trusted` as in `load_encoder`.
    """
    positions = np.array([store.position(song_id) for song_id in song_ids])
    blocks = {
        work / f"{first}.npy": positions[first : first + _SONGS_AT_ONCE]
        for first in range(0, len(positions), _SONGS_AT_ONCE)
    }
    missing = [path for path in blocks if not path.is_file()]
    ear = _Ear(store, encoder_folder, tuple(trusted))
    heard = _spread(ear.songs, [blocks[path] for path in missing], unit="blocks of songs")
    for path, vectors in zip(missing, heard, strict=True):
        replace_array(path, vectors)
    return np.concatenate([np.load(path, allow_pickle=False) for path in blocks])
