"""Factors of every song and listener under the released model."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from earshot import releases
from earshot.arrays import is_among
from earshot.catalogue.play_counts import ITEMS, RECENCY, USERS, PlayCounts, read_play_counts
from earshot.catalogue.plays import play_tables
from earshot.code import key_of
from earshot.columns import AUDIO_MD5, HEARD, N_LISTENERS, SHARD, SONG_ID, UNLIKE, USER_ID
from earshot.errors import UserError
from earshot.files import read_json, write_json, write_table
from earshot.params import Params
from earshot.recommend.encoding import encode_shards, is_of, read_encoded, read_unlike, unknown_words
from earshot.recommend.serving import Served, serve
from earshot.releases import Manifest, NothingReleased
from earshot.spaces.placing import Ids, Placed, Vectors
from earshot.spaces.shared import SONGS_HERE, SharedWmf
from earshot.spaces.space import read_space
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked, noted
from earshot.store.reader import HyperImageStore
from earshot.trusted import named_classes, own_classes
from earshot.versioning import PreviousOutput, file_md5

KEPT_ENCODERS = 4
"""Encoders whose predictions are kept, so that going back to a release encodes only what it never saw."""
ENCODERS = "encoders.json"
_TOLD = 5
"""Songs that are named."""
ITEM_FACTORS, USER_FACTORS = "item_factors.npy", "user_factors.npy"
SOLVED = "solved"
"""Played songs and listeners, as a piece: where what they hang on is the same, nobody is solved again."""


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
    refuse_other_images(release, store)
    releases.fetch(release, paths.root, paths.output / "release")
    trusted = releases.trusted_classes(paths.root, release.release, params)
    model = paths.output / "release" / release.served
    if release.derived_from is not None:
        sounds = pd.read_parquet(paths.data("raw_audio") / "songs.parquet", columns=[SONG_ID, AUDIO_MD5])
        SharedWmf.name_songs(model / "wmf_factors", sounds)
    encoder = encoder_key(release, model / "cnn_checkpoint", trusted)
    predicted = _predict(paths, model / "cnn_checkpoint", encoder, store, trusted)
    plays = read_play_counts(paths.data("play_counts"))
    solved = noted(paths, SOLVED, _key(paths, release, store, predicted, plays))
    with_audio = store.songs[SONG_ID].to_numpy(dtype=object)
    space = read_space(model / "cnn_checkpoint", model / "wmf_factors")
    served = serve(plays, Placed(with_audio, predicted), space, release.n0, _earlier(solved))
    unlike = with_audio[read_unlike(store, paths.output / "predicted")]
    _write(paths.output, served, plays.user_ids, with_audio, unlike)
    return {
        "release": release.release,
        "number": release.number,
        **({"refit": True} if release.refit else {}),
        "songs": len(served.song_ids),
        "songs_without_listeners": int((served.n_listeners == 0).sum()),
        "listeners": len(served.user_factors),
        "songs_unlike_anything_trained_on": len(unlike),
        "notices": [
            *_other_code(release, model / "cnn_checkpoint"),
            *([_notice(unlike)] if len(unlike) else []),
            *_words_left_out(unknown_words(store, model / "cnn_checkpoint")),
        ],
    }


def _other_code(release: Manifest, folder: Path) -> list[str]:
    """That its classes are not what they were, where they are not: its songs are encoded by today's."""
    encoder = read_json(folder / "encoder.json")
    if release.code is None or release.code == releases.code_of(encoder):
        return []
    return [
        f"the code of {', '.join(map(str, named_classes(encoder)))}, or the version of Python, is not that "
        f"with which release {release.release} was trained: songs are encoded by that of today"
    ]


def _notice(unlike: Ids) -> str:
    named = ", ".join([*unlike[:_TOLD], *(["..."] if len(unlike) > _TOLD else [])])
    return (
        f"{len(unlike):,} of the songs sound unlike anything trained on; what is predicted for them "
        f"is drawn to the mean: {named}"
    )


def _words_left_out(words: dict[str, int]) -> list[str]:
    if not words:
        return []
    named = [f"{word} ({n:,})" for word, n in list(words.items())[:_TOLD]]
    told = ", ".join([*named, *(["..."] if len(words) > _TOLD else [])])
    return [f"{len(words):,} words that the model has not learned are left out, with songs each: {told}"]


def refuse_other_images(release: Manifest, store: HyperImageStore) -> None:
    """UserError where the encoder of `release` reads other hyper-images or families than the store holds."""
    wanted = {"hyper-images": release.feature_key, **release.families}
    there = {"hyper-images": store.feature_key}
    there |= {name: family.key for name, family in store.families.items()}
    for name, key in wanted.items():
        if there.get(name) != key:
            raise UserError(
                f"release {release.release} hears {name} of feature key {key}, those in data/hyper_images "
                f"have {there.get(name)}: release a model trained on them (`dvc repro release`), "
                "or put the hyper_images section of params.yaml back; what was served last stays"
            )


def encoder_key(release: Manifest, folder: Path, trusted: Collection[str]) -> str:
    """Of its weights and of the classes it is made of, which `folder` names, as their code stands today.

    A class that is not trusted is never made, so its code is no part of the key.

    Raises
    ------
    UserError
        The file of a class is not there.
    """
    path = folder / "encoder.json"
    classes = {*named_classes(read_json(path))} & {*own_classes(), *trusted}
    try:
        return key_of([release.encoder_key], encode_shards, *(name.split(":")[0] for name in classes))
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: {error}; wanted the file that release {release.release} names") from None


def _predict(
    paths: Paths, encoder_folder: Path, encoder: str, store: HyperImageStore, trusted: Collection[str]
) -> Vectors:
    """Predicted factors of the songs of `store`; a shard that this encoder has seen is not encoded again."""
    folder = paths.output / "predicted"
    folder.mkdir()
    _keep_earlier(paths, encoder, set(store.songs[SHARD]))
    encode_shards(
        store,
        encoder_folder,
        encoder,
        lambda name: linked(paths, [f"predicted/{name}"]),
        paths.work,
        folder,
        trusted,
    )
    return read_encoded(store, folder)


def _keep_earlier(paths: Paths, encoder_key: str, shards: set[str]) -> None:
    """Link what the encoders before this one predicted for shards that still are; list all, newest first."""
    folder = paths.output / "predicted"
    earlier = [key for key in _earlier_encoders(paths) if key != encoder_key][: KEPT_ENCODERS - 1]
    for name in sorted(name for name in paths.previous.files if name.startswith("predicted/")):
        if any(is_of(Path(name).name, key, shards) for key in earlier):
            linked(paths, [name])
    write_json(folder / ENCODERS, [encoder_key, *earlier])


def _earlier_encoders(paths: Paths) -> list[str]:
    kept = paths.previous.find(f"predicted/{ENCODERS}")
    keys: list[str] = read_json(kept) if kept else []
    return keys


def _key(
    paths: Paths, release: Manifest, store: HyperImageStore, predicted: Vectors, plays: PlayCounts
) -> str:
    """Of all that played songs and listeners hang on."""
    counted, shared_songs = paths.data("play_counts"), paths.output / "release" / "wmf_factors" / SONGS_HERE
    tables = [*(counted / name for name in (USERS, ITEMS, RECENCY)), shared_songs]
    tables = [*play_tables(counted), *(path for path in tables if path.is_file())]
    played = predicted[is_among(store.songs[SONG_ID], plays.song_ids)]  # the others move no listener
    predictions_hash = blake2b(played.tobytes(), digest_size=16).hexdigest()
    return key_of(
        [release.release, *release.refit.values(), *map(file_md5, tables), predictions_hash], __name__
    )


def _earlier(solved: PreviousOutput) -> Served | None:
    """What was served last, out of an output of which played songs and listeners hang on the same."""
    items, *sides = (solved.find(name) for name in (ITEMS, ITEM_FACTORS, USER_FACTORS))
    if items is None or None in sides:
        return None
    songs = pd.read_parquet(items)
    vectors = [np.load(path, allow_pickle=False) for path in sides if path is not None]
    return Served(songs[SONG_ID].to_numpy(dtype=object), songs[N_LISTENERS].to_numpy(), *vectors)


def _write_nothing(output: Path) -> None:
    nobody, nowhere = np.empty(0, dtype=object), np.empty((0, 0), np.float32)
    _write(output, Served(nobody, np.empty(0, np.int32), nowhere, nowhere), nobody, nobody, nobody)


def _write(output: Path, served: Served, user_ids: Ids, with_audio: Ids, unlike: Ids) -> None:
    """`with_audio` are the songs with a sound, `unlike` those whose sound is unlike anything trained on."""
    songs = pd.DataFrame({SONG_ID: pd.Series(served.song_ids, dtype=str), N_LISTENERS: served.n_listeners})
    flags = {HEARD: is_among(songs[SONG_ID], with_audio), UNLIKE: is_among(songs[SONG_ID], unlike)}
    write_table(output / ITEMS, songs.assign(**flags))
    write_table(output / "users.parquet", pd.DataFrame({USER_ID: pd.Series(user_ids, dtype=str)}))
    np.save(output / ITEM_FACTORS, served.item_factors)
    np.save(output / USER_FACTORS, served.user_factors)
