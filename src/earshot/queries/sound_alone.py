"""What is served where no model is: songs by their sound alone, made of the hyper-images without training.

Statistics of every shard are kept in `.earshot/work/sound/statistics`, so that a delivery costs its own
songs; where all songs lie is worked out again for every catalogue and kept beside them, in the files that
stages would write: of a release `sound:<feature key>`, no plays, no listeners and no lists.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from earshot import releases, versioning
from earshot.code import key_of
from earshot.columns import FIRST_FRAME, HEARD, N_LISTENERS, SHARD, SONG_ID, UNLIKE, USER_ID, WITHDRAWN
from earshot.errors import UserError
from earshot.extraction.statistics import row_statistics
from earshot.files import replace_array, write_table
from earshot.processes import lived, progress
from earshot.queries.images import IMAGES, read_index
from earshot.queries.links import linked
from earshot.queries.served_files import LISTS, PLAYS, SERVED, SOUND, SPACE_FILE
from earshot.queries.sound_space import SoundSpace
from earshot.queries.state import ServedState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from earshot.store.reader import HyperImageStore

KEPT = Path(".earshot", "work", "sound")


def needs_plays(served: ServedState, what: str) -> UserError:
    """Why there is no answer out of a state of sound alone, for `what` was asked for."""
    current = releases.read_pointer(served.root)
    if isinstance(current, releases.NothingReleased) and releases.list_candidates(served.root):
        why = releases.nothing_released(served.root, current)
        return UserError(f"{what}: songs are placed by their sound alone ({served.release}), and {why}")
    return UserError(
        f"{what}: needs plays, and none are served: songs are placed by their sound alone "
        f"({served.release}); `earshot quickstart FOLDER --listens EXPORT` takes a listening history in"
    )


@dataclass(frozen=True)
class _InFolder(versioning.PreviousOutput):
    """Files in the folder `cache`, in place of those of an output in DVC's cache."""

    @cached_property
    def files(self) -> dict[str, str]:
        """md5 by path in the folder."""
        found = [path for path in self.cache.rglob("*") if path.is_file()]
        return {path.relative_to(self.cache).as_posix(): versioning.file_md5(path) for path in found}

    def find(self, name: str) -> Path | None:
        """As of an output of DVC's."""
        path = self.cache / name
        return path if path.is_file() else None


def read_sound_alone(root: Path, lock: Mapping[str, Any]) -> ServedState | None:
    """The songs of the workspace `root` by their sound alone; None where dvc.lock names no hyper-images.

    It takes a millisecond or two for every song that was not there before, and says so.

    Raises
    ------
    UserError
        A file that is not in DVC's cache; no song that could be heard.
    """
    if not lock.keys() >= {"raw_audio", IMAGES}:
        return None
    cache = versioning.cache_folder(root)
    md5s = {stage: lock[stage]["outs"][0]["md5"] for stage in ("raw_audio", IMAGES)}
    made = {stage: versioning.PreviousOutput(cache, md5) for stage, md5 in md5s.items()}
    key = key_of(md5s, __name__, "earshot.queries.sound_space")
    folder = root / KEPT / key
    unnamed = ServedState(root, SOUND, made)
    index = read_index(unnamed)
    if not folder.is_dir():
        _make(unnamed, index, folder)
    here = {stage: _InFolder(folder / stage, f"{key}-{stage}") for stage in (SERVED, LISTS, PLAYS)}
    return ServedState(root, f"{SOUND}{index.feature_key}", made | here)


def _make(served: ServedState, index: HyperImageStore, folder: Path) -> None:
    """Write the folder, whole or not at all, in place of those that were made before."""
    if not len(index.songs):
        raise UserError(
            f"{served.root / 'data' / IMAGES}: holds no song: none of the files delivered could be heard; "
            "data/raw_audio/set_aside.parquet says why"
        )
    statistics = _statistics(served, index, served.root / KEPT / "statistics")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.parent / f".{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        _write(unfinished, served, index, statistics)
        try:
            unfinished.rename(folder)
        except OSError:  # another process has made the same meanwhile
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    for other in folder.parent.iterdir():
        pid = other.name.removeprefix(".")
        is_being_made = pid.isdecimal() and lived(int(pid), other.stat().st_mtime)
        if other.name not in (folder.name, "statistics") and not is_being_made:
            shutil.rmtree(other, ignore_errors=True)


def _statistics(served: ServedState, index: HyperImageStore, kept: Path) -> NDArray[np.float32]:
    """`row_statistics` of every song of `index`, float32 (n_songs, n_statistics)."""
    from earshot.store.reader import HyperImageStore

    kept.mkdir(parents=True, exist_ok=True)
    shards = index.songs[SHARD].to_numpy()
    found = np.empty((len(shards), 3 * len(index.rows)), np.float32)
    wanted = set()
    missing = {}
    for shard in np.unique(shards):
        lines = np.flatnonzero(shards == shard)
        # a shard's name says what is in it; some of its songs may have been withdrawn since
        which = blake2b(index.songs[FIRST_FRAME].to_numpy(np.int64)[lines].tobytes(), digest_size=8)
        file = kept / f"{shard}-{which.hexdigest()}.npy"
        wanted.add(file)
        if file.is_file():
            found[lines] = np.load(file, allow_pickle=False)
        else:
            missing[file] = lines
    with linked(served, IMAGES, wanted=_of_the_image) as folder:
        store = HyperImageStore.open(folder)
        for file, lines in progress(missing.items(), description="Describing sound", unit="shards"):
            found[lines] = [row_statistics(store.frames(int(line))).ravel() for line in lines]
            replace_array(file, found[lines])
    for other in kept.iterdir():
        if other not in wanted:
            other.unlink(missing_ok=True)
    return found


def _of_the_image(name: str) -> bool:
    """Not of the families beside it."""
    return "/" not in name or name.startswith("shards/")


def _write(
    folder: Path, served: ServedState, index: HyperImageStore, statistics: NDArray[np.float32]
) -> None:
    """What stages write of songs that nobody has played, and of nobody."""
    import pandas as pd

    from earshot.catalogue.play_counts import write_play_counts
    from earshot.columns import ITEM, PLAY_COUNT, USER
    from earshot.recommend.lists import write_recommendations

    for stage in (SERVED, f"{LISTS}/ranked", PLAYS):
        (folder / stage).mkdir(parents=True)
    songs, nobody = index.songs[SONG_ID], np.empty(0, dtype=object)
    space = SoundSpace.of(statistics)
    vectors = space.place(statistics)
    space.write(folder / SERVED / SPACE_FILE)
    np.save(folder / SERVED / "item_factors.npy", vectors)
    np.save(folder / SERVED / "user_factors.npy", vectors[:0])
    write_table(
        folder / SERVED / "items.parquet",
        pd.DataFrame({SONG_ID: songs, N_LISTENERS: np.int32(0), HEARD: True, UNLIKE: False}),
    )
    write_table(folder / SERVED / "users.parquet", pd.DataFrame({USER_ID: pd.Series(nobody, dtype=str)}))
    listed = songs[~served.catalogue[WITHDRAWN].reindex(songs).fillna(True).to_numpy(bool)]
    write_table(folder / LISTS / "ranked" / "items.parquet", pd.DataFrame({SONG_ID: listed}))
    cold = np.ones(len(songs), np.bool_)
    ids = songs.to_numpy(dtype=object)
    write_recommendations(folder / LISTS / "recommendations.parquet", [], nobody, ids, cold, "")
    plays = pd.DataFrame({USER: [], ITEM: [], PLAY_COUNT: []})
    write_play_counts(folder / PLAYS, nobody, nobody, plays)
