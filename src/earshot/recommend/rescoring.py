"""A model on today's snapshot: its encoder on today's cold songs, today's listeners against its songs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from earshot.audio.store import HyperImageStore
from earshot.columns import COLD, SONG_ID
from earshot.files import replace_array
from earshot.ids import is_among
from earshot.plays.tables import PlayCounts
from earshot.recommend.hybrid import Ids, Wmf, listener_factors

Factors = NDArray[np.float32]


_SONGS_AT_ONCE = 2048


def cold_song_factors(
    encoder_folder: Path, store: HyperImageStore, song_ids: Ids, work: Path, trusted: Collection[str] = ()
) -> Factors:
    """What the encoder hears in `song_ids`, float32 (n_songs, factors).

    Blocks of songs outlive a kill in `work`, a folder for this encoder and
    these songs alone. `trusted` as in `load_encoder`.
    """
    from earshot.encoders.load import load_encoder, predict

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
