"""Factors of every song and listener under the released model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot import releases
from earshot.audio.store import HyperImageStore
from earshot.columns import N_LISTENERS, SHARD, SONG_ID, USER_ID
from earshot.errors import UserError
from earshot.files import read_json, write_json, write_table
from earshot.params import Params
from earshot.plays.tables import PlayCounts, read_play_counts
from earshot.recommend.encoding import encode_shards, file_name, read_encoded
from earshot.recommend.hybrid import Factors, Ids, Wmf, listener_factors, song_factors
from earshot.releases import Manifest, NothingReleased
from earshot.stages.paths import Paths

KEPT_ENCODERS = 4
"""Encoders whose predictions are kept, so that going back to a release encodes only what it never saw."""
ENCODERS = "encoders.json"


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write release/, predicted/, and the factors of songs and listeners with their id tables.

    Raises
    ------
    UserError
        The released encoder reads other hyper-images than there are now, or
        one of its files is not in DVC's cache.
    """
    release = releases.read_pointer(paths.root)
    if isinstance(release, NothingReleased):
        _write_nothing(paths.output)
        return {"release": None, "reason": f"nothing released yet: {release.reason}"}
    store = HyperImageStore.open(paths.data("hyper_images"))
    _refuse_other_images(release, store.feature_key)
    releases.fetch(release, paths.root, paths.output / "release")
    predicted = _predict(paths, release, store)
    plays = read_play_counts(paths.data("play_counts"))
    served = _serve(paths.output, release, store.songs[SONG_ID].to_numpy(), predicted, plays, params)
    return {"release": release.release, "number": release.number, **served}


def _refuse_other_images(release: Manifest, feature_key: str) -> None:
    if release.feature_key != feature_key:
        raise UserError(
            f"release {release.release} hears hyper-images of feature key {release.feature_key}, those in "
            f"data/hyper_images have {feature_key}: release a model trained on them (`dvc repro release`), "
            "or put the hyper_images section of params.yaml back; what was served last stays"
        )


def _predict(paths: Paths, release: Manifest, store: HyperImageStore) -> Factors:
    """Predicted factors of the songs of `store`; a shard that this encoder has seen is not encoded again."""
    folder = paths.output / "predicted"
    folder.mkdir()
    _keep_earlier(paths, release.encoder_key, set(store.songs[SHARD]))
    encoder = paths.output / "release" / "cnn_checkpoint"
    encode_shards(
        store, encoder, release.encoder_key, lambda name: _relink(paths, name, folder), paths.work, folder
    )
    return read_encoded(store, release.encoder_key, folder)


def _relink(paths: Paths, name: str, folder: Path) -> bool:
    return paths.previous.link(f"predicted/{name}", folder / name)


def _keep_earlier(paths: Paths, encoder_key: str, shards: set[str]) -> None:
    """Link what the encoders before this one predicted for shards that still are; list all, newest first."""
    folder = paths.output / "predicted"
    earlier = [key for key in _earlier_encoders(paths) if key != encoder_key][: KEPT_ENCODERS - 1]
    names = {file_name(key, shard) for key in earlier for shard in shards}
    for name in sorted(names & {Path(name).name for name in paths.previous.files}):
        _relink(paths, name, folder)
    write_json(folder / ENCODERS, [encoder_key, *earlier])


def _earlier_encoders(paths: Paths) -> list[str]:
    kept = paths.previous.find(f"predicted/{ENCODERS}")
    keys: list[str] = read_json(kept) if kept else []
    return keys


def _serve(
    output: Path, release: Manifest, heard: Ids, predicted: Factors, plays: PlayCounts, params: Params
) -> dict[str, Any]:
    wmf = Wmf.of(release.params["wmf_factors"])
    song_ids = np.union1d(heard, plays.song_ids)
    listeners = _listeners_of(song_ids, plays)
    items = song_factors(
        plays,
        song_ids,
        _rows(heard, predicted, song_ids),
        *_released_users(output),
        wmf,
        params.served_factors.n0,
    )
    placed = items.any(axis=1)  # neither sound nor a listener whom the release knows: no place yet
    song_ids, items, listeners = song_ids[placed], items[placed], listeners[placed]
    # Only played songs, as in the fit: a song that nobody has played moves no listener.
    played = listeners > 0
    users = listener_factors(plays, song_ids[played], items[played], wmf)
    _write(output, song_ids, listeners, items, plays.user_ids, users)
    return {
        "songs": len(song_ids),
        "songs_without_listeners": int((~played).sum()),
        "songs_without_a_place": int((~placed).sum()),
        "listeners": len(users),
    }


def _released_users(output: Path) -> tuple[Ids, Factors]:
    folder = output / "release" / "wmf_factors"
    user_ids = pd.read_parquet(folder / "users.parquet")[USER_ID].to_numpy(dtype=object)
    return user_ids, np.load(folder / "user_factors.npy", allow_pickle=False)


def _listeners_of(song_ids: Ids, plays: PlayCounts) -> NDArray[np.int32]:
    counts = np.bincount(plays.matrix.indices, minlength=len(plays.song_ids)).astype(np.int32)
    return _rows(plays.song_ids, counts, song_ids)


def _rows(ids: Ids, values: NDArray[Any], wanted: Ids) -> NDArray[Any]:
    """The row of `values` for every id in `wanted`, zeros where `ids` lacks it."""
    rows = pd.Index(ids).get_indexer(pd.Index(wanted))
    found = values[rows] if len(values) else np.zeros((len(wanted), *values.shape[1:]), values.dtype)
    found[rows < 0] = 0
    return found


def _write_nothing(output: Path) -> None:
    nobody, nowhere = np.empty(0, dtype=object), np.empty((0, 0), np.float32)
    _write(output, nobody, np.empty(0, np.int32), nowhere, nobody, nowhere)


def _write(
    output: Path, song_ids: Ids, n_listeners: NDArray[np.int32], items: Factors, user_ids: Ids, users: Factors
) -> None:
    songs = pd.DataFrame({SONG_ID: pd.Series(song_ids, dtype=str), N_LISTENERS: n_listeners})
    write_table(output / "items.parquet", songs)
    write_table(output / "users.parquet", pd.DataFrame({USER_ID: pd.Series(user_ids, dtype=str)}))
    np.save(output / "item_factors.npy", items)
    np.save(output / "user_factors.npy", users)
