"""A frozen snapshot: plays, songs with their split, hyper-images and a few clips; links, not copies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earshot.arrays import is_among
from earshot.catalogue import split
from earshot.catalogue.play_counts import ITEMS, RECENCY, USERS, read_play_counts
from earshot.catalogue.plays import play_tables
from earshot.catalogue.recordings import recordings
from earshot.columns import (
    ARTIST,
    ARTIST_ID,
    AUDIO,
    COLD,
    GENRES,
    N_LISTENERS,
    RECORDING,
    SHARD,
    SONG_ID,
    SOURCE,
    TAGS,
    TITLE,
    VALIDATION,
    WITHDRAWN,
)
from earshot.errors import UserError
from earshot.files import link, read_json, write_table
from earshot.params import Params, TrainingSet
from earshot.stages.paths import Paths
from earshot.store.families import StoredFamily
from earshot.store.reader import HyperImageStore, shard_file, write_store
from earshot.store.song_values import link_values, read_lines, read_values, write_lines

if TYPE_CHECKING:
    import pandas as pd

    from earshot.catalogue.play_counts import PlayCounts

MAX_CLIPS = 60

_TOLD = [SONG_ID, ARTIST_ID, ARTIST, TITLE, GENRES, TAGS, SOURCE, AUDIO]


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write the snapshot that params.yaml asks for; see `write_snapshot`."""
    return write_snapshot(paths, params.training_set)


def write_snapshot(paths: Paths, settings: TrainingSet) -> dict[str, Any]:
    """Write the snapshot; its summary.

    The table of plays, `users.parquet` and `items.parquet` are those of play_counts;
    `songs.parquet` has the songs with a hyper-image that are not withdrawn, with
    n_listeners, cold and validation. An item that is not among them has nothing to
    be predicted from: it is never cold, and its plays shape the factors.
    `hyper_images/` is a store (`earshot.store.reader`) of these songs, `clips/` the
    sound of some of the cold ones that were played.

    Raises
    ------
    UserError
        No song with both plays and audio; none that is cold, or none that is not.
    """
    counts = read_play_counts(paths.data("play_counts"))
    store = HyperImageStore.open(paths.data("hyper_images"))
    songs = _songs(paths, store, counts, settings)
    _refuse_useless(songs, counts, settings)
    _link_plays(paths.data("play_counts"), paths.output)
    write_table(paths.output / "songs.parquet", songs)
    _link_images(paths, store, songs)
    clips = _link_clips(paths, songs)
    return _summary(songs, counts, clips) | {"set_aside": _set_aside(paths)}


def hold_out(paths: Paths, settings: TrainingSet, fold: int) -> Paths:
    """A little workspace in `paths.work` whose training set is the workspace's with the songs of `fold` cold.

    Errors as in `write_other_split`.
    """
    inside, source = paths.inside(paths.work / f"fold{fold}"), paths.data("training_set")
    other = replace(settings, split=replace(settings.split, fold=fold))
    inside.make("training_set", lambda made: write_other_split(source, made.output, other))
    return inside


def write_other_split(training_set: Path, output: Path, settings: TrainingSet) -> None:
    """The snapshot in the folder `training_set` with other songs held out, in the empty folder `output`.

    Raises
    ------
    UserError
        No song with plays is cold, or none is not.
    """
    import pandas as pd

    songs = _held_out(pd.read_parquet(training_set / "songs.parquet"), settings)
    _refuse_useless(songs, read_play_counts(training_set), settings)
    write_split(training_set, output, songs)


def write_split(training_set: Path, output: Path, songs: pd.DataFrame) -> None:
    """The snapshot in the folder `training_set` with its `songs` split anew, in the empty folder `output`.

    Everything but `songs.parquet` is linked; there are no clips.
    """
    _link_plays(training_set, output)
    for image in sorted(path for path in (training_set / "hyper_images").rglob("*") if path.is_file()):
        place = output / image.relative_to(training_set)
        place.parent.mkdir(parents=True, exist_ok=True)
        link(image, place)
    write_table(output / "songs.parquet", songs)


def _link_plays(source: Path, output: Path) -> None:
    for path in (*play_tables(source), *(source / name for name in (USERS, ITEMS, RECENCY))):
        place = output / path.relative_to(source)
        place.parent.mkdir(exist_ok=True)
        if path.is_file():
            link(path, place)


def _songs(paths: Paths, store: HyperImageStore, counts: PlayCounts, settings: TrainingSet) -> pd.DataFrame:
    import pandas as pd

    catalogue = pd.read_parquet(paths.data("raw_audio") / "songs.parquet")
    there = is_among(catalogue[SONG_ID], store.songs[SONG_ID]) & ~catalogue[WITHDRAWN]
    songs = catalogue.loc[there, _TOLD].sort_values(SONG_ID, ignore_index=True)
    songs[RECORDING] = songs[SONG_ID].map(recordings(paths.data("raw_audio")))
    # entries of each column: who played the item
    listeners = pd.Series(np.bincount(counts.matrix.indices, minlength=len(counts.song_ids)), counts.song_ids)
    songs[N_LISTENERS] = songs[SONG_ID].map(listeners).fillna(0).astype(np.int64)
    return _held_out(songs, settings)


def _held_out(songs: pd.DataFrame, settings: TrainingSet) -> pd.DataFrame:
    recording, artist = split_ids(songs)
    return _for_early_stopping(
        songs.assign(**{COLD: split.cold(recording, artist, settings.split)}), settings
    )


def with_none_cold(songs: pd.DataFrame, settings: TrainingSet) -> pd.DataFrame:
    """The songs of a training set with none of them held out.

    Those for early stopping serve that still, and of those that were cold some do too, by the same hash.
    """
    all_warm = _for_early_stopping(songs.assign(**{COLD: False}), settings)
    return all_warm.assign(**{VALIDATION: songs[VALIDATION] | (songs[COLD] & all_warm[VALIDATION])})


def _for_early_stopping(songs: pd.DataFrame, settings: TrainingSet) -> pd.DataFrame:
    recording, artist = split_ids(songs)
    warm = ~songs[COLD] & (songs[N_LISTENERS] > 0)
    units = recording if settings.split.by == "song" else split.artist_or_song(recording, artist)
    return songs.assign(**{VALIDATION: warm & split.validation(units, settings.validation_share)})


def split_ids(songs: pd.DataFrame) -> tuple[list[str], list[str]]:
    """By what songs of a training set are split: the recording of each, and its artist, `""` if unknown.

    All songs of a recording count as by the artist of the one that stands for it.
    """
    artists = songs.set_index(SONG_ID)[ARTIST_ID].fillna("")
    recording = songs[RECORDING] if RECORDING in songs else songs[SONG_ID]  # older ones have none
    of_recording = recording.map(artists)
    return recording.tolist(), of_recording.where(of_recording.notna(), songs[ARTIST_ID].fillna("")).tolist()


def _refuse_useless(songs: pd.DataFrame, counts: PlayCounts, settings: TrainingSet) -> None:
    if len(counts.user_ids) < 2:
        raise UserError(
            "one listener: wanted 2 at least, as what others play is all that is learned; one is served by a "
            "release of elsewhere (`earshot release import FILE`)"
        )
    played = songs[songs[N_LISTENERS] > 0]
    numbers = f"{len(songs)} songs have audio, {len(counts.song_ids)} have plays"
    if played.empty:
        raise UserError(f"no song has both plays and audio: {numbers}; nothing can be learned")
    missing = "cold" if not played[COLD].any() else "warm" if played[COLD].all() else ""
    if missing:
        raise UserError(
            f"training_set.split={settings.split!r}: of the {len(played)} songs with both plays and audio "
            f"none is {missing}; more songs are wanted, or another split ({numbers})"
        )


def _link_images(paths: Paths, store: HyperImageStore, songs: pd.DataFrame) -> None:
    images = store.songs[is_among(store.songs[SONG_ID], songs[SONG_ID])]
    folder = paths.output / "hyper_images"
    (folder / "shards").mkdir(parents=True)
    write_store(folder, store.format, images, list(store.families.values()))
    for shard in sorted(set(images[SHARD])):
        link(store.folder / "shards" / f"{shard}.npy", folder / "shards" / f"{shard}.npy")
    for family in store.families.values():
        _link_family(store, family, images, folder)


def _link_family(store: HyperImageStore, family: StoredFamily, images: pd.DataFrame, folder: Path) -> None:
    if not family.in_shards:
        ids, _ = read_values(store.folder, family)
        link_values(store.folder, folder, family, is_among(ids, images[SONG_ID]))
        return
    if family.heard:
        lines = read_lines(store.folder, family)
        write_lines(folder, family, lines[is_among(lines[SONG_ID], images[SONG_ID])])
    (folder / family.name).mkdir()
    for name in (shard_file(family, shard) for shard in sorted(set(images[SHARD]))):
        link(store.folder / name, folder / name)


def _link_clips(paths: Paths, songs: pd.DataFrame) -> pd.DataFrame:
    """Link the sound of cold songs with plays as `clips/<number>.<ext>`; song_id, clip, source."""
    folder = paths.output / "clips"
    folder.mkdir()
    played = songs[songs[COLD] & (songs[N_LISTENERS] > 0)].set_index(SONG_ID)
    clips = played.loc[split.chosen(played.index, MAX_CLIPS, "clips"), [AUDIO, SOURCE]].reset_index()
    clips["clip"] = [f"{number}{Path(audio).suffix.lower()}" for number, audio in enumerate(clips[AUDIO])]
    for audio, clip in zip(clips[AUDIO], clips["clip"], strict=True):
        if not (paths.root / audio).is_file():
            raise UserError(f"{paths.root / audio}: not there; `dvc checkout` brings it back")
        link(paths.root / audio, folder / clip)
    write_table(folder / "clips.parquet", clips[[SONG_ID, "clip", SOURCE]])
    return clips


def _set_aside(paths: Paths) -> dict[str, int]:
    """What earlier stages set aside, for the report."""
    import pandas as pd

    aside = [
        pd.read_parquet(paths.data(name) / "set_aside.parquet") for name in ("raw_audio", "hyper_images")
    ]
    totals = read_json(paths.data("play_counts") / "validation.json")["totals"]
    return {
        "audio files set aside": sum(map(len, aside)),
        "invalid play rows set aside": totals["invalid_rows"],
        "play rows of unknown songs": totals["unknown_rows"],
    }


def _summary(songs: pd.DataFrame, counts: PlayCounts, clips: pd.DataFrame) -> dict[str, Any]:
    played = songs[N_LISTENERS] > 0
    return {
        "listeners": len(counts.user_ids),
        "items": len(counts.song_ids),
        "items_without_audio": len(counts.song_ids) - int(played.sum()),
        "plays": int(counts.matrix.nnz),
        "songs": len(songs),
        "songs_without_plays": int((~played).sum()),
        "cold_songs_with_plays": int((songs[COLD] & played).sum()),
        "warm_songs_with_plays": int((~songs[COLD] & played).sum()),
        "validation_songs": int(songs[VALIDATION].sum()),
        "clips": len(clips),
    }
