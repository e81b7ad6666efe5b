"""Making the shards of a catalogue: which songs go where, and the images of those that are not there yet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.audio.decoding import AudioError
from earshot.audio.hyper_image import excerpt_start, feature_key, features, format_of, load, quantize
from earshot.audio.probing import quiet_codecs
from earshot.audio.shards import write_shard
from earshot.columns import AUDIO, AUDIO_MD5, DELIVERY, FIRST_FRAME, N_FRAMES, REASON, SECONDS, SONG_ID
from earshot.files import write_table
from earshot.params import HyperImages
from earshot.processes import parallel_map

if TYPE_CHECKING:
    import pandas as pd

Outcome = NDArray[np.uint8] | str
"""An image `(n_frames, n_rows)`, or the reason why there is none."""


@dataclass(frozen=True, eq=False)
class PlannedShard:
    """A shard to be.

    Attributes
    ----------
    key
        Hash of all that its content hangs on.
    files
        delivery, song_id, audio, audio_md5, seconds, current; its songs in order.
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
    content = [feature_key(settings), files[SONG_ID].tolist(), files[AUDIO_MD5].tolist()]
    return blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()


def shard_files(key: str) -> tuple[str, str]:
    """The two files of a shard: its frames and its table; who has both has all of it."""
    return f"shards/{key}.npy", f"shards/{key}.parquet"


def make_shards(shards: Sequence[PlannedShard], root: Path, folder: Path, settings: HyperImages) -> None:
    """Write `shards` into `folder`, on all cores, one after the other; `audio` is relative to `root`."""
    tasks = [
        (root / audio, excerpt_start(seconds, settings))
        for shard in shards
        for audio, seconds in zip(shard.files[AUDIO], shard.files[SECONDS], strict=True)
    ]
    extract = partial(extract_image, settings=settings)
    outcomes = parallel_map(extract, tasks, description="hyper_images", unit="song")
    owners = (shard for shard in shards for _ in range(len(shard.files)))
    for shard, pairs in groupby(zip(owners, outcomes, strict=True), key=itemgetter(0)):
        _write(folder, shard, [outcome for _, outcome in pairs], settings)


def extract_image(task: tuple[Path, float], settings: HyperImages) -> Outcome:
    """The stored image of one file, from `task`: its path and where its excerpt starts (seconds)."""
    path, start = task
    try:
        with quiet_codecs():
            samples = load(path, settings, start)
        return quantize(features(samples, settings), format_of(settings).rows)
    except AudioError as error:
        return str(error)


def _write(folder: Path, shard: PlannedShard, outcomes: Sequence[Outcome], settings: HyperImages) -> None:
    frames, table = (folder / name for name in shard_files(shard.key))
    frames.parent.mkdir(parents=True, exist_ok=True)
    images = [outcome for outcome in outcomes if not isinstance(outcome, str)]
    write_shard(frames, images, n_rows=len(format_of(settings).rows))
    beside = table.with_name(f".{table.name}.tmp")
    write_table(beside, _table(shard, outcomes))
    beside.replace(table)


def _table(shard: PlannedShard, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """song_id, audio_md5, first_frame, n_frames, reason (null where there is an image)."""
    import pandas as pd

    lengths = np.array([0 if isinstance(outcome, str) else len(outcome) for outcome in outcomes], np.int64)
    reasons = [outcome if isinstance(outcome, str) else None for outcome in outcomes]
    columns = {FIRST_FRAME: np.cumsum(lengths) - lengths, N_FRAMES: lengths}
    songs = shard.files[[SONG_ID, AUDIO_MD5]]
    return songs.assign(**columns, **{REASON: pd.Series(reasons, dtype="str")})


def read_shard_tables(folder: Path, shards: Sequence[PlannedShard]) -> Iterator[pd.DataFrame]:
    """The table of each shard in `folder`, with its key and its files' delivery, audio and `current`."""
    import pandas as pd

    for shard in shards:
        table = pd.read_parquet(folder / shard_files(shard.key)[1])
        yield table.join(shard.files[[DELIVERY, AUDIO, "current"]]).assign(shard=shard.key)
