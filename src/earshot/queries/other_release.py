"""The catalogue and the listeners of today under another release than the one that serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from earshot import releases, versioning
from earshot.catalogue.play_counts import read_play_counts
from earshot.columns import SHARD, SONG_ID, USER_ID
from earshot.errors import UserError
from earshot.files import write_table
from earshot.params import load_params
from earshot.queries.served_files import SERVED
from earshot.queries.state import ServedState
from earshot.recommend.encoding import encode_shards, read_encoded
from earshot.recommend.serving import serve
from earshot.releases import Manifest
from earshot.spaces.placing import Placed
from earshot.spaces.space import read_space
from earshot.stages.served_factors import encoder_key, refuse_other_images
from earshot.store.reader import HyperImageStore

SONGS, LISTENERS = "songs", "listeners"
HEARD = "heard"
"""The folder in which files appear, one a shard, while songs are heard."""


def others(served: ServedState) -> list[Manifest]:
    """Releases, refused candidates and imports whose files are in DVC's cache, less the one that serves."""
    root = served.root
    known = [
        *releases.list_releases(root)[::-1],
        *releases.list_candidates(root),
        *releases.list_imported(root),
    ]
    return [each for each in known if each.release != served.release and releases.is_cached(each, root)]


def write_placed(served: ServedState, release: Manifest, folder: Path, say: Callable[[str], object]) -> None:
    """Place today's songs and listeners under `release`, as the stage served_factors would.

    What that stage once heard by the same encoder is not heard again.

    Parameters
    ----------
    served
        What serves: of the same songs, plays and hyper-images.
    folder
        Empty; in it come songs.npy and listeners.npy, float32 (n, d), and their ids as parquet.
    say
        Told what is being done.

    Raises
    ------
    UserError
        The release reads other hyper-images than there are; a file that is not in DVC's cache; a class that
        params.yaml does not trust.
    """
    say("reads its files")
    images = _out_of_cache(_made_of(served, "hyper_images"), folder / "hyper_images")
    store = HyperImageStore.open(images)
    refuse_other_images(release, store)
    releases.fetch(release, served.root, folder / "release")
    predicted = _predict(served, release, store, folder, say)
    say("places songs and listeners")
    plays = read_play_counts(_out_of_cache(served.outputs["play_counts"], folder / "play_counts"))
    model = folder / "release" / release.served
    space = read_space(model / "cnn_checkpoint", model / "wmf_factors")
    with_audio = Placed(store.songs[SONG_ID].to_numpy(dtype=object), predicted)
    made = serve(plays, with_audio, space, release.n0, None)
    _write(folder / SONGS, SONG_ID, Placed(made.song_ids, made.item_factors))
    _write(folder / LISTENERS, USER_ID, Placed(plays.user_ids, made.user_factors))


def read_placed(folder: Path) -> tuple[Placed, Placed]:
    """Songs and listeners, as `write_placed` left them in `folder`."""
    return _read(folder / SONGS, SONG_ID), _read(folder / LISTENERS, USER_ID)


def _predict(
    served: ServedState,
    release: Manifest,
    store: HyperImageStore,
    folder: Path,
    say: Callable[[str], object],
) -> np.ndarray:
    """What its encoder predicts of the songs of `store`, float32 (n_songs, d)."""
    encoder = folder / "release" / release.served / "cnn_checkpoint"
    trusted = releases.trusted_classes(served.root, release.release, load_params(served.root / "params.yaml"))
    predicted, heard = folder / "predicted", folder / HEARD
    predicted.mkdir()
    heard.mkdir()

    def relink(name: str) -> bool:
        found = served.outputs[SERVED].link(f"predicted/{name}", predicted / name)
        if not found:
            say(f"hears {len(store.songs):,} songs, in {store.songs[SHARD].nunique():,} parts")
        return found

    encode_shards(store, encoder, encoder_key(release, encoder, trusted), relink, heard, predicted, trusted)
    return read_encoded(store, predicted)


def _made_of(served: ServedState, stage: str) -> versioning.PreviousOutput:
    """What served_factors read of a stage, whatever stands in data/ now."""
    lock = versioning.read_lock(served.root).get(SERVED, {})
    md5s = {dep["path"]: dep.get("md5") for dep in lock.get("deps", ())}
    return versioning.PreviousOutput(versioning.cache_folder(served.root), md5s.get(f"data/{stage}"))


def _out_of_cache(output: versioning.PreviousOutput, folder: Path) -> Path:
    """`folder`, in which every file of an output is linked. UserError where one is not in DVC's cache."""
    if not output.files:
        raise UserError(f"data/{folder.name}: not in DVC's cache ({output.md5}); `dvc pull` fetches it")
    for name in output.files:
        found = output.find(name)
        if found is None:
            raise UserError(f"data/{folder.name}/{name}: not in DVC's cache; `dvc pull` fetches it")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(found)
    return folder


def _write(place: Path, column: str, placed: Placed) -> None:
    write_table(place.with_suffix(".parquet"), pd.DataFrame({column: pd.Series(placed.ids, dtype=str)}))
    np.save(place.with_suffix(".npy"), placed.vectors)


def _read(place: Path, column: str) -> Placed:
    ids = pd.read_parquet(place.with_suffix(".parquet"))[column].to_numpy(dtype=object)
    return Placed(ids, np.load(place.with_suffix(".npy"), allow_pickle=False))
