"""Factors of a whole catalogue out of its sound, shard by shard: an encoder hears a shard once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.audio.store import HyperImageStore
from earshot.columns import FIRST_FRAME, N_FRAMES, SHARD
from earshot.files import link, replace_array

if TYPE_CHECKING:
    import pandas as pd

    from earshot.encoders.load import Heard

Factors = NDArray[np.float32]


def file_name(encoder_key: str, shard: str) -> str:
    """Name of the file with what an encoder predicted for a shard."""
    return f"{encoder_key}-{shard}.npy"


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
    float32), the latter two as in `earshot.encoders.load.Heard`.

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
    wanted = {shard: file_name(encoder_key, shard) for shard in sorted(store.songs[SHARD].unique())}
    new = {shard: name for shard, name in wanted.items() if not relink(name)}
    missing = {shard: work / name for shard, name in new.items() if not (work / name).is_file()}
    if missing:
        _encode(store, encoder_folder, missing, trusted)
    for name in new.values():
        link(work / name, folder / name)


def read_encoded(store: HyperImageStore, encoder_key: str, folder: Path) -> Factors:
    """Predicted factors of `store.songs`, float32 (n_songs, factors), out of what `encode_shards` wrote."""
    return _read(store, encoder_key, folder, "factors")


def read_unlike(store: HyperImageStore, encoder_key: str, folder: Path) -> NDArray[np.bool_]:
    """Which of `store.songs` are unlike anything that the encoder was trained on, (n_songs,)."""
    return _read(store, encoder_key, folder, "unlike").reshape(len(store.songs)) > 1


def _read(store: HyperImageStore, encoder_key: str, folder: Path, field: str) -> Factors:
    if not len(store.songs):
        return np.empty((0, 0), np.float32)
    parts = [
        _values_of(np.load(folder / file_name(encoder_key, str(shard)), allow_pickle=False), songs, field)
        for shard, songs in store.songs.groupby(SHARD, sort=True)
    ]
    order = np.argsort(store.songs[SHARD].to_numpy(), kind="stable")
    values = np.empty((len(store.songs), *parts[0].shape[1:]), np.float32)
    values[order] = np.concatenate(parts)
    return values


def _values_of(encoded: NDArray[Any], songs: pd.DataFrame, field: str) -> Factors:
    values: Factors = encoded[field][np.searchsorted(encoded[FIRST_FRAME], songs[FIRST_FRAME])]
    return values


def _encode(
    store: HyperImageStore, encoder_folder: Path, missing: dict[str, Path], trusted: Collection[str]
) -> None:
    from earshot.encoders.load import hear, load_encoder

    encoder = load_encoder(encoder_folder, trusted)
    for shard, path in missing.items():
        songs = _songs_of(store, shard)
        of_shard = HyperImageStore(store.folder, store.format, songs)
        replace_array(path, _encoded(songs, hear(encoder, of_shard, np.arange(len(songs)))))


def _songs_of(store: HyperImageStore, shard: str) -> pd.DataFrame:
    import pandas as pd

    songs = pd.read_parquet(store.folder / "shards" / f"{shard}.parquet")
    songs = songs[songs[N_FRAMES] > 0]  # the others could not be read
    return songs.assign(**{SHARD: shard}).sort_values(FIRST_FRAME, ignore_index=True)


def _encoded(songs: pd.DataFrame, heard: Heard) -> NDArray[Any]:
    factors = ("factors", np.float32, heard.vectors.shape[1:])
    encoded = np.empty(len(songs), dtype=[(FIRST_FRAME, np.int64), factors, ("unlike", np.float32)])
    encoded[FIRST_FRAME], encoded["factors"], encoded["unlike"] = (
        songs[FIRST_FRAME],
        heard.vectors,
        heard.unlike,
    )
    return encoded
