"""Making the shards of a catalogue: which songs go where, and the images of those that are not there yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earshot.audio.probing import quiet_codecs
from earshot.audio.samples import AudioError, codec_errors
from earshot.columns import (
    AUDIO,
    AUDIO_MD5,
    CHANNEL,
    DECODER,
    DELIVERY,
    FIRST_FRAME,
    N_FRAMES,
    REASON,
    SECONDS,
    SILENCES,
    SONG_ID,
)
from earshot.errors import UserError
from earshot.executors import parallel_map
from earshot.features.compute import features, quantize
from earshot.features.hyper_image import Excerpt, excerpt_start, feature_key, format_of, read_excerpt
from earshot.files import replacing, write_table
from earshot.params import HyperImages
from earshot.store.shards import Entry, Outcome, ShardDraft

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class PlannedShard:
    """A shard to be.

    Attributes
    ----------
    key
        Hash of all that its content hangs on.
    files
        `current` and the columns of `earshot.catalogue.songs.good_files`; its songs in order.
    """

    key: str
    files: pd.DataFrame


def plan_shards(files: pd.DataFrame, settings: HyperImages) -> list[PlannedShard]:
    """Group `files`, in order of arrival, delivery by delivery into shards of `settings.shard_songs` songs.

    A later delivery never changes the shards of an earlier one. Shards none of
    whose files is `current` (a column of bool) are left out.
    """
    return [
        PlannedShard(_key(group, settings), group)
        for _, delivery in files.groupby(DELIVERY, sort=False)
        for first in range(0, len(delivery), settings.shard_songs)
        for group in [delivery.iloc[first : first + settings.shard_songs].reset_index(drop=True)]
        if group["current"].any()
    ]


def _key(files: pd.DataFrame, settings: HyperImages) -> str:
    """Songs of which the middle is decoded, by the first decoder that opens them, add nothing to it."""
    content: list[Any] = [feature_key(settings), files[SONG_ID].tolist(), files[AUDIO_MD5].tolist()]
    unusual = [
        (song, *excerpt[1:])  # start, decoder, channel; paths may change
        for song, (excerpt, seconds) in enumerate(zip(excerpts(files, settings), files[SECONDS], strict=True))
        if excerpt[1:] != (excerpt_start(seconds, settings), None, None)
    ]
    content += [unusual] if unusual else []
    return blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def excerpts(files: pd.DataFrame, settings: HyperImages) -> list[Excerpt]:
    """What is decoded of each of the `files` of a `PlannedShard`, paths as in `audio`."""
    import pandas as pd

    known = files.reindex(columns=[AUDIO, SECONDS, DECODER, CHANNEL, SILENCES])
    return [
        Excerpt(
            Path(audio),
            excerpt_start(seconds, settings, silences if isinstance(silences, str) else None),
            decoder if isinstance(decoder, str) else None,
            None if pd.isna(channel) else int(channel),
        )
        for audio, seconds, decoder, channel, silences in known.itertuples(index=False)
    ]


def shard_files(key: str) -> tuple[str, str]:
    """The two files of a shard: its frames and its table; who has both has all of it."""
    return f"shards/{key}.npy", f"shards/{key}.parquet"


def make_shards(shards: Sequence[PlannedShard], root: Path, folder: Path, settings: HyperImages) -> None:
    """Write `shards` into `folder`, on all cores; `audio` is relative to `root`.

    What an interrupted run left there is continued, file by file. A file that
    cannot be decoded, hangs or kills its worker has a reason instead of an image.
    """
    n_rows = len(format_of(settings).rows)
    drafts = [ShardDraft(folder / shard_files(shard.key)[0], n_rows) for shard in shards]
    tasks = [
        excerpt._replace(path=root / excerpt.path)
        for shard, draft in zip(shards, drafts, strict=True)
        # songs that an earlier run has not put into the draft
        for excerpt in excerpts(shard.files, settings)[len(draft.entries) :]
    ]
    outcomes = parallel_map(
        partial(extract_image, settings=settings),
        tasks,
        description="hyper_images",
        unit="song",
        lost=lambda _, reason: reason,
    )
    for shard, draft in zip(shards, drafts, strict=True):
        # outcomes come in the order of tasks: the next so many are of this shard
        for outcome in islice(outcomes, len(shard.files) - len(draft.entries)):
            draft.add(outcome)
        _finish(draft, shard, folder)


def extract_image(excerpt: Excerpt, settings: HyperImages) -> Outcome:
    """The stored image of what is decoded of one file, or the reason why there is none."""
    try:
        with quiet_codecs(), codec_errors():
            return features(read_excerpt(excerpt, settings), settings, quantize)
    except AudioError as error:
        return str(error)


def _finish(draft: ShardDraft, shard: PlannedShard, folder: Path) -> None:
    with replacing(folder / shard_files(shard.key)[1]) as beside:
        write_table(beside, _table(shard, draft.entries))
        draft.finish()  # the table comes last: who has it has the frames


def _table(shard: PlannedShard, entries: Sequence[Entry]) -> pd.DataFrame:
    """song_id, audio_md5, first_frame, n_frames, reason (null where there is an image)."""
    import pandas as pd

    lengths = np.array([entry.n_frames for entry in entries], np.int64)
    reasons = pd.Series([entry.reason for entry in entries], dtype="str")
    # cumsum less its own length: where each image begins
    columns = {FIRST_FRAME: np.cumsum(lengths) - lengths, N_FRAMES: lengths}
    return shard.files[[SONG_ID, AUDIO_MD5]].assign(**columns, **{REASON: reasons})


def read_shard_tables(folder: Path, shards: Sequence[PlannedShard]) -> pd.DataFrame:
    """The tables of all shards in `folder`, with `shard` and their files' delivery, audio and `current`.

    Raises
    ------
    UserError
        A table that has not one row for each file of its shard.
    """
    import pandas as pd
    import pyarrow
    from pyarrow import parquet

    paths = [folder / shard_files(shard.key)[1] for shard in shards]
    tables = [parquet.ParquetFile(path).read() for path in paths]
    for path, table, shard in zip(paths, tables, shards, strict=True):
        if len(table) != len(shard.files):
            raise UserError(f"{path}: {len(table)} rows: wanted one for each of {len(shard.files)} files")
    made: pd.DataFrame = pyarrow.concat_tables(tables).to_pandas()
    files = pd.concat([shard.files for shard in shards], ignore_index=True)
    # the key of a shard for each of its songs, (n_songs,)
    keys = np.repeat([shard.key for shard in shards], [len(shard.files) for shard in shards])
    # joined row by row: both are in the order of shards
    return made.join(files[[DELIVERY, AUDIO, "current"]]).assign(shard=keys)
