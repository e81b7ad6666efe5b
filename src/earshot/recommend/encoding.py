"""Factors out of sound: of a whole catalogue, shard by shard, and of a model on today's snapshot."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among
from earshot.catalogue.play_counts import PlayCounts
from earshot.columns import COLD, FIRST_FRAME, N_FRAMES, SHARD, SONG_ID
from earshot.files import link, replace_array
from earshot.recommend.hybrid import Ids, Wmf, listener_factors
from earshot.store.reader import HyperImageStore

if TYPE_CHECKING:
    import pandas as pd

    from earshot.predictors.load import Heard


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
    float32), the latter two as in `earshot.predictors.load.Heard`.

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
    # a killed run may have left some of them in `work`
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
    return _read(store, encoder_key, folder, "unlike").reshape(len(store.songs)) > 1  # (0, 0) without songs


def _read(store: HyperImageStore, encoder_key: str, folder: Path, field: str) -> Factors:
    if not len(store.songs):
        return np.empty((0, 0), np.float32)
    parts = [
        _values_of(np.load(folder / file_name(encoder_key, str(shard)), allow_pickle=False), songs, field)
        for shard, songs in store.songs.groupby(SHARD, sort=True)
    ]
    # parts come by shard: order[i] is the line in store.songs of their i-th row
    order = np.argsort(store.songs[SHARD].to_numpy(), kind="stable")
    values = np.empty((len(store.songs), *parts[0].shape[1:]), np.float32)
    values[order] = np.concatenate(parts)
    return values


def _values_of(encoded: NDArray[Any], songs: pd.DataFrame, field: str) -> Factors:
    # a shard's file is sorted by first_frame: that finds the line of each song
    values: Factors = encoded[field][np.searchsorted(encoded[FIRST_FRAME], songs[FIRST_FRAME])]
    return values


def _encode(
    store: HyperImageStore, encoder_folder: Path, missing: dict[str, Path], trusted: Collection[str]
) -> None:
    from earshot.predictors.load import hear, load_encoder

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
    factors = ("factors", np.float32, heard.vectors.shape[1:])  # field of shape (factors,)
    encoded = np.empty(len(songs), dtype=[(FIRST_FRAME, np.int64), factors, ("unlike", np.float32)])
    encoded[FIRST_FRAME], encoded["factors"], encoded["unlike"] = (
        songs[FIRST_FRAME],
        heard.vectors,
        heard.unlike,
    )
    return encoded


_SONGS_AT_ONCE = 2048


def cold_song_factors(
    encoder_folder: Path, store: HyperImageStore, song_ids: Ids, work: Path, trusted: Collection[str] = ()
) -> Factors:
    """What the encoder hears in `song_ids`, float32 (n_songs, factors).

    Blocks of songs outlive a kill in `work`, a folder for this encoder and
    these songs alone. `trusted` as in `load_encoder`.
    """
    from earshot.predictors.load import load_encoder, predict

    encoder = load_encoder(encoder_folder, trusted)
    positions = np.array([store.position(song_id) for song_id in song_ids])
    blocks = []
    for first in range(0, len(positions), _SONGS_AT_ONCE):
        path = work / f"{first}.npy"
        if not path.is_file():
            replace_array(path, predict(encoder, store, positions[first : first + _SONGS_AT_ONCE]))
        blocks.append(np.load(path, allow_pickle=False))
    return np.concatenate(blocks)


def listeners_today(wmf_folder: Path, training_set: Path, plays: PlayCounts, wmf: Wmf) -> Factors:
    """The listeners of `plays` solved against the songs of a factorization, float32 (n_users, factors).

    A song that is cold in `training_set` is left out, should the factorization
    know it: its plays are what is to be foretold.
    """
    import pandas as pd

    songs = pd.read_parquet(training_set / "songs.parquet")
    song_ids = pd.read_parquet(wmf_folder / "items.parquet")[SONG_ID]
    warm = ~is_among(song_ids, songs.loc[songs[COLD], SONG_ID])
    item_factors = np.load(wmf_folder / "item_factors.npy", allow_pickle=False)
    return listener_factors(plays, song_ids.to_numpy()[warm], item_factors[warm], wmf)
