"""The hyper-image of every song, in shards, and what stands beside it; only that of new songs is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from earshot.arrays import is_among
from earshot.catalogue.songs import count_reasons
from earshot.checks import SONGS_WITH_AN_IMAGE, share_check
from earshot.columns import AUDIO, AUDIO_MD5, DELIVERY, LINE, N_FRAMES, REASON, SONG_ID, WITHDRAWN
from earshot.deliveries.reading import read_song_ids
from earshot.errors import UserError
from earshot.extraction.beside import (
    beside_files,
    failed_beside,
    lines_in_shards,
    make_beside,
    write_song_values,
)
from earshot.extraction.images import PlannedShard, make_shards, plan_shards, read_shard_tables, shard_files
from earshot.features.families import families_of
from earshot.features.hyper_image import format_of
from earshot.files import write_table
from earshot.params import Params
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked
from earshot.store.families import StoredFamily
from earshot.store.reader import write_store
from earshot.store.rows import ImageFormat
from earshot.store.song_values import write_lines

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


def run(paths: Paths, params: Params) -> dict[str, Any]:
    """Write set_aside.parquet and a store (`earshot.store.reader`) of all songs with audio, not withdrawn."""
    import pandas as pd

    songs, files = (
        pd.read_parquet(paths.data("raw_audio") / f"{name}.parquet") for name in ("songs", "files")
    )
    families, image_format = families_of(params.hyper_images), format_of(params.hyper_images)
    shards = plan_shards(files.assign(current=_is_in(files, _with_audio(paths, songs))), params.hyper_images)
    _fill(paths, shards, families, params)
    made = read_shard_tables(paths.output, shards)
    made[REASON] = made[REASON].fillna(failed_beside(families, shards, paths.output))
    made[LINE] = lines_in_shards(made)
    made = made[made["current"]]
    images, bad = made[made[REASON].isna()], made[made[REASON].notna()].reset_index(drop=True)
    if images.empty:
        raise UserError(
            f"none of {len(bad)} songs has a hyper-image; the first: {bad[AUDIO][0]}: {bad[REASON][0]}"
        )
    write_store(paths.output, image_format, images, families)
    for family in families:
        if family.heard:
            write_lines(paths.output, family, images)
    _say(paths, families, songs[is_among(songs[SONG_ID], images[SONG_ID])], params)
    write_table(paths.output / "set_aside.parquet", bad[[SONG_ID, DELIVERY, AUDIO, REASON]])
    named = {"families": {family.name: family.key for family in families}} if families else {}
    return _summary(images, bad, image_format) | {"shards": len(shards)} | named


def _with_audio(paths: Paths, songs: pd.DataFrame) -> pd.DataFrame:
    """song_id and audio_md5 of the songs with usable audio; UserError where none can."""
    current = songs.loc[songs[AUDIO].notna() & ~songs[WITHDRAWN], [SONG_ID, AUDIO_MD5]]
    if current.empty:
        raise UserError(
            f"{paths.data('raw_audio')}: no song has audio that can be used; see its set_aside.parquet"
        )
    return current


def _summary(images: pd.DataFrame, bad: pd.DataFrame, image_format: ImageFormat) -> dict[str, Any]:
    return {
        "songs": len(images),
        "rows": len(image_format.rows),
        "hours": round(float(images[N_FRAMES].sum()) / image_format.frames_per_second / 3600, 3),
        "songs_set_aside": len(bad),
        "reasons": count_reasons(bad[REASON]),
        "feature_key": image_format.feature_key,
        "checks": [
            share_check(
                SONGS_WITH_AN_IMAGE,
                "songs whose features failed",
                len(bad),
                len(images) + len(bad),
                at_most=0.01,
            )
        ],
    }


def _is_in(files: pd.DataFrame, current: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each file is the current audio of its song."""
    import pandas as pd

    columns = [SONG_ID, AUDIO_MD5]
    return pd.MultiIndex.from_frame(files[columns]).isin(pd.MultiIndex.from_frame(current[columns]))


def _fill(
    paths: Paths, shards: Sequence[PlannedShard], families: Sequence[StoredFamily], params: Params
) -> None:
    """Put every shard into the output, images and what is beside them: linked if made before, else made."""
    new = [shard for shard in shards if not linked(paths, shard_files(shard.key))]
    _refuse_missing(paths, new)
    make_shards(new, paths.root, paths.work, params.hyper_images)
    for shard in new:
        linked(paths, shard_files(shard.key))
    for component, family in zip(params.hyper_images.families, families, strict=True):
        if not family.in_shards:
            continue
        new = [shard for shard in shards if not linked(paths, beside_files(family, shard))]
        _refuse_missing(paths, new)
        make_beside(component, new, paths.output, paths.root, paths.work, params.hyper_images)
        for shard in new:
            linked(paths, beside_files(family, shard))


def _refuse_missing(paths: Paths, shards: Sequence[PlannedShard]) -> None:
    for audio in (audio for shard in shards for audio in shard.files[AUDIO]):
        if not (paths.root / audio).is_file():
            raise UserError(f"{paths.root / audio}: not there; `dvc checkout` brings it back")


def _say(paths: Paths, families: Sequence[StoredFamily], songs: pd.DataFrame, params: Params) -> None:
    for component, family in zip(params.hyper_images.families, families, strict=True):
        if not family.in_shards:
            write_song_values(
                paths.output, component, songs, paths.deliveries, params.hyper_images, read_song_ids
            )
