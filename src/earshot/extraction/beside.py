"""Making what stands beside the images: other families of the same songs, in the same order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from earshot.audio.probing import quiet_codecs
from earshot.audio.samples import AudioError, codec_errors
from earshot.classes import Component
from earshot.columns import DELIVERY, N_FRAMES, REASON, SHARD, SONG_ID
from earshot.errors import UserError
from earshot.executors import parallel_map
from earshot.extraction.images import PlannedShard, excerpts, shard_files
from earshot.features.families import SongSource, described, file_in, load_family
from earshot.features.hyper_image import Excerpt, read_excerpt
from earshot.files import replacing, write_table
from earshot.params import HyperImages
from earshot.store.families import WORDS, StoredFamily
from earshot.store.reader import shard_file
from earshot.store.shards import Lines, Outcome, ShardDraft
from earshot.store.song_values import write_values

if TYPE_CHECKING:
    import pandas as pd


class _Task(NamedTuple):
    """A song, and how many lines it has in its shard's file: as many as its image's frames, or one."""

    excerpt: Excerpt
    n_lines: int


def beside_files(family: StoredFamily, shard: PlannedShard) -> tuple[str, str]:
    """The two files of a family for a shard: its lines, and what could not be made."""
    lines = shard_file(family, shard.key)
    return lines, lines.removesuffix("npy") + "parquet"


def make_beside(
    component: Component,
    shards: Sequence[PlannedShard],
    images: Path,
    root: Path,
    folder: Path,
    settings: HyperImages,
) -> None:
    """Write the lines of a family of unit `frame` or `sound` for `shards` into `folder`, on all cores.

    Of unit `sound` every song that has an image has one (`lines_in_shards`).

    Parameters
    ----------
    component
        The family, as params.yaml names it.
    images
        A folder with the tables of the shards, which say how many frames each image has. A song whose
        lines cannot be made keeps its place, filled with zeros; the family's own table says why.
    root
        What `audio` of the shards is relative to.

    Raises
    ------
    UserError
        Lines that are not as many as wanted, or not as wide as the family says; what the family raises.
    """
    import pandas as pd

    family = described(load_family(component), settings)
    drafts = [
        ShardDraft(folder / beside_files(family, shard)[0], family.width, family.dtype) for shard in shards
    ]
    lengths = [pd.read_parquet(images / shard_files(shard.key)[1])[N_FRAMES] for shard in shards]
    if family.heard:
        lengths = [n_frames.clip(upper=1) for n_frames in lengths]
    tasks = [
        _Task(excerpt._replace(path=root / excerpt.path), n_lines)
        for shard, draft, of_shard in zip(shards, drafts, lengths, strict=True)
        for excerpt, n_lines in list(zip(excerpts(shard.files, settings), of_shard, strict=True))[
            len(draft.entries) :  # behind what an interrupted run has put there
        ]
    ]
    outcomes = zip(
        tasks,
        parallel_map(
            partial(_made, component=component, settings=settings),
            tasks,
            description=family.name,
            unit="song",
            lost=lambda _, reason: reason,
        ),
        strict=True,
    )
    for shard, draft in zip(shards, drafts, strict=True):
        for task, outcome in islice(outcomes, len(shard.files) - len(draft.entries)):
            _add(draft, task, outcome, family)
        table = folder / beside_files(family, shard)[1]
        with replacing(table) as unfinished:
            reasons = pd.Series([entry.reason for entry in draft.entries], dtype="str")
            write_table(unfinished, shard.files[[SONG_ID]].assign(**{REASON: reasons}))
            draft.finish()  # the table comes last: who has it has the lines


def _made(task: _Task, component: Component, settings: HyperImages) -> Outcome:
    return lines_of(task.excerpt, task.n_lines, component, settings)


def lines_of(excerpt: Excerpt, n_lines: int, component: Component, settings: HyperImages) -> Outcome:
    """The `n_lines` of a song, `(n_lines, width)`, or why there are none; `""` where none are wanted.

    `n_lines` is the number of frames of its image; of a family of unit `sound` 1.

    Raises
    ------
    UserError
        Not so many lines, or not as wide as the family says; what the family raises.
    """
    if not n_lines:
        return ""
    family = load_family(component)
    try:
        with quiet_codecs(), codec_errors():
            source = SongSource(blocks=partial(read_excerpt, excerpt, settings))
            made = family.compute(source, settings)
    except AudioError as error:
        return str(error)
    heard, width = family.unit == "sound", family.width(settings)
    wanted = np.dtype(family.dtype), (width,) if heard else (n_lines, width)
    if not isinstance(made, np.ndarray) or (made.dtype, made.shape) != wanted:
        found = f"{made.dtype} {made.shape}" if isinstance(made, np.ndarray) else repr(made)[:100]
        lines = "a vector" if heard else "a line for each frame of the image"
        raise UserError(
            f"{excerpt.path}: family {family.name!r} made {found}: wanted {wanted[0]} {wanted[1]}, {lines}"
        )
    if not heard:
        return made
    return made[None] if np.isfinite(made).all() else "not finite"


def _add(draft: ShardDraft, task: _Task, outcome: Outcome, family: StoredFamily) -> None:
    if isinstance(outcome, str):
        nothing: Lines = np.zeros((task.n_lines, family.width), family.dtype)
        draft.add(nothing, f"{family.name}: {outcome}" if outcome else None)
    else:
        draft.add(outcome)


def failed_beside(
    families: Iterable[StoredFamily], shards: Sequence[PlannedShard], folder: Path
) -> pd.Series[str]:
    """Why lines of each song could not be made, null where they were; in the order of the shards' files."""
    import pandas as pd

    n_files = sum(len(shard.files) for shard in shards)
    reasons = pd.Series([None] * n_files, dtype="str")
    for family in families:
        if family.in_shards:
            tables = [pd.read_parquet(folder / beside_files(family, shard)[1]) for shard in shards]
            reasons = reasons.fillna(pd.concat(tables, ignore_index=True)[REASON].astype("str"))
    return reasons


def lines_in_shards(made: pd.DataFrame) -> pd.Series[int]:
    """Where in their shard's file of a family of unit `sound` songs have their line: every image has one.

    Parameters
    ----------
    made
        As of `read_shard_tables`: all songs of their shards, in order.
    """
    return (made[N_FRAMES] > 0).groupby(made[SHARD]).cumsum() - 1


def write_song_values(
    folder: Path,
    component: Component,
    songs: pd.DataFrame,
    deliveries: Path,
    settings: HyperImages,
    song_ids: Callable[[Path], Iterable[str]],
) -> None:
    """Write what a family of unit `song` says of `songs` into the store `folder`.

    Parameters
    ----------
    songs
        Lines of `data/raw_audio/songs.parquet`: those with an image.
    deliveries
        Where the folders of the deliveries are that brought them.
    song_ids
        The songs of the delivery in a folder, in the order of its table.

    Raises
    ------
    UserError
        A vector of another width than the family says.
    """
    family = load_family(component)
    stored = described(family, settings)
    by_song: dict[str, Any] = {}
    # delivery by delivery: a family reads a delivery's file once, however many songs it brings
    for row in songs.sort_values([DELIVERY, SONG_ID]).to_dict("records"):
        place = deliveries / str(row[DELIVERY])
        named = {str(name): value for name, value in row.items()}
        source = SongSource(named, file=partial(file_in, place), song_ids=partial(song_ids, place))
        value = family.compute(source, settings)
        if isinstance(value, np.ndarray) and value.shape != (stored.width,):
            raise UserError(
                f"song {row[SONG_ID]!r}: family {family.name!r} made {value.shape}: wanted {(stored.width,)}"
            )
        if value is not None:
            by_song[str(row[SONG_ID])] = value
    values: Any = list(by_song.values())
    if stored.dtype != WORDS:
        values = np.array(values, stored.dtype).reshape(len(values), stored.width)
    write_values(folder, stored, list(by_song), values)
