"""Where each song of the training set belongs, by its sound and what else the encoder hears."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.checks import SOUND_ONLY
from earshot.columns import COLD, SONG_ID
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

    Writes item_factors.npy, float32 `(n_songs, factors)`, and items.parquet, the song_id of each row. Of an
    encoder that hears more than sound also sound_only.npy and sound_only.parquet: what it predicts for the
    cold songs as if nothing else were known of them. Blocks of 8,192 songs are kept in `paths.work`, so that
    an interrupted run goes on.

    Raises
    ------
    UserError
        An encoder that cannot be read or is not trusted; a song without a hyper-image, or images that
        lack a row that the encoder reads.
    """
    import pandas as pd

    encoder = load_encoder(paths.data("cnn_checkpoint"), trusted_in(params))
    store = HyperImageStore.open(paths.data("training_set") / "hyper_images")
    songs = pd.read_parquet(paths.data("training_set") / "songs.parquet")[[SONG_ID, COLD]]
    predicted = _predicted(paths.work, encoder, store, songs[SONG_ID])
    np.save(paths.output / "item_factors.npy", predicted)
    write_table(paths.output / "items.parquet", songs[[SONG_ID]])
    if encoder.hears_image and any(each.unit == "song" for each in encoder.others):
        encoder.sound_only, cold = True, songs.loc[songs[COLD], [SONG_ID]]
        np.save(
            paths.output / f"{SOUND_ONLY}.npy",
            _predicted(paths.work / SOUND_ONLY, encoder, store, cold[SONG_ID]),
        )
        write_table(paths.output / f"{SOUND_ONLY}.parquet", cold)
    return {"songs": len(predicted), "factors": predicted.shape[1]}


def _predicted(
    work: Path, encoder: SongEncoder, store: HyperImageStore, song_ids: Iterable[str]
) -> NDArray[np.float32]:
    work.mkdir(exist_ok=True)
    positions = [store.position(song_id) for song_id in song_ids]
    firsts = range(0, len(positions), _SONGS_KEPT_AT_ONCE)
    return np.concatenate(
        [
            _block(work / f"{first}.npy", encoder, store, positions[first : first + _SONGS_KEPT_AT_ONCE])
            for first in firsts
        ]
    )


def _block(
    kept: Path, encoder: SongEncoder, store: HyperImageStore, positions: list[int]
) -> NDArray[np.float32]:
    """Read from `kept` where an interrupted run has left it, else made, and left there."""
    if not kept.is_file():
        replace_array(kept, predict(encoder, store, positions))
    vectors: NDArray[np.float32] = np.load(kept)
    return vectors
