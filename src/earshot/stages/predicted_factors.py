"""Where each song of the training set belongs, by its sound alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import SONG_ID
from earshot.files import replace_array, write_table
from earshot.params import Params
from earshot.predictors.load import load_encoder, predict
from earshot.predictors.song_encoder import SongEncoder
from earshot.stages.paths import Paths
from earshot.store.reader import HyperImageStore
from earshot.trusted import trusted_in

_SONGS_KEPT_AT_ONCE = 8192


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Predict the factors of every song of the training set from its sound.

    Writes item_factors.npy, float32 `(n_songs, factors)`, and items.parquet, the song_id of each row.
    Blocks of 8,192 songs are kept in `paths.work`, so that an interrupted run goes on.

    Raises
    ------
    UserError
        An encoder that cannot be read or is not trusted; a song without a hyper-image, or images that
        lack a row that the encoder reads.
    """
    import pandas as pd

    encoder = load_encoder(paths.data("cnn_checkpoint"), trusted_in(params))
    store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
    songs = pd.read_parquet(paths.data("training_set") / "songs.parquet")[[SONG_ID]]
    positions = [store.position(song_id) for song_id in songs[SONG_ID]]
    firsts = range(0, len(positions), _SONGS_KEPT_AT_ONCE)
    blocks = [
        _block(paths.work / f"{first}.npy", encoder, store, positions[first : first + _SONGS_KEPT_AT_ONCE])
        for first in firsts
    ]
    predicted = np.concatenate(blocks)
    np.save(paths.output / "item_factors.npy", predicted)
    write_table(paths.output / "items.parquet", songs)
    return {"songs": len(predicted), "factors": predicted.shape[1]}


def _block(
    kept: Path, encoder: SongEncoder, store: HyperImageStore, positions: list[int]
) -> NDArray[np.float32]:
    """Read from `kept` where an interrupted run has left it, else made, and left there."""
    if not kept.is_file():
        replace_array(kept, predict(encoder, store, positions))
    vectors: NDArray[np.float32] = np.load(kept)
    return vectors
