"""The hyper-image of every song, in shards; only those of new songs are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from earshot.catalogue.songs import count_reasons
from earshot.checks import SONGS_WITH_AN_IMAGE, share_check
from earshot.columns import AUDIO, AUDIO_MD5, DELIVERY, N_FRAMES, REASON, SONG_ID, WITHDRAWN
from earshot.errors import UserError
from earshot.features.hyper_image import format_of
from earshot.files import write_table
from earshot.params import Params
from earshot.stages.paths import Paths
from earshot.stages.reuse import linked
from earshot.store.making import PlannedShard, make_shards, plan_shards, read_shard_tables, shard_files
from earshot.store.reader import write_store

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
    current = songs.loc[songs[AUDIO].notna() & ~songs[WITHDRAWN], [SONG_ID, AUDIO_MD5]]
    if current.empty:
        raise UserError(
            f"{paths.data('raw_audio')}: no song has audio that can be used; see its set_aside.parquet"
        )
    shards = plan_shards(files.assign(current=_is_in(files, current)), params.hyper_images)
    _fill(paths, shards, params)
    made = read_shard_tables(paths.output, shards)
    made = made[made["current"]]
    images, bad = made[made[REASON].isna()], made[made[REASON].notna()].reset_index(drop=True)
    if images.empty:
        raise UserError(
            f"none of {len(bad)} songs has a hyper-image; the first: {bad[AUDIO][0]}: {bad[REASON][0]}"
        )
    image_format = format_of(params.hyper_images)
    write_store(paths.output, image_format, images)
    write_table(paths.output / "set_aside.parquet", bad[[SONG_ID, DELIVERY, AUDIO, REASON]])
    return {
        "songs": len(images),
        "rows": len(image_format.rows),
        "hours": round(float(images[N_FRAMES].sum()) / image_format.frames_per_second / 3600, 3),
        "shards": len(shards),
        "songs_set_aside": len(bad),
        "reasons": count_reasons(bad[REASON]),
        "feature_key": image_format.feature_key,
        "checks": [
            share_check(
                SONGS_WITH_AN_IMAGE,
                "songs whose features failed",
                len(bad),
                len(made),
                at_most=0.01,
            )
        ],
    }


def _is_in(files: pd.DataFrame, current: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each file is the current audio of its song."""
    import pandas as pd

    columns = [SONG_ID, AUDIO_MD5]
    return pd.MultiIndex.from_frame(files[columns]).isin(pd.MultiIndex.from_frame(current[columns]))


def _fill(paths: Paths, shards: Sequence[PlannedShard], params: Params) -> None:
    """Put every shard into the output: linked if it was made before, else computed."""
    new = [shard for shard in shards if not linked(paths, shard_files(shard.key))]
    for audio in (audio for shard in new for audio in shard.files[AUDIO]):
        if not (paths.root / audio).is_file():
            raise UserError(f"{paths.root / audio}: not there; `dvc checkout` brings it back")
    make_shards(new, paths.root, paths.work, params.hyper_images)
    for shard in new:
        linked(paths, shard_files(shard.key))
