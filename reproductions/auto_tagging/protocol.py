"""What taggers are asked: songs and their tags, and folds of them, by song or by artist.

As in the papers (Lee et al. 2017 and after): the most frequent tags; songs that have none of them are left
out. A tag is judged in a fold where it occurs on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auto_tagging.params import By, TagChoice, Tagging
from earshot.arrays import is_among
from earshot.baselines.bag_of_words import bag_of_words
from earshot.catalogue import split
from earshot.catalogue.recordings import recordings
from earshot.columns import RECORDING, SONG_ID, WITHDRAWN, split_names
from earshot.errors import UserError
from earshot.extraction.statistics import row_statistics
from earshot.files import replace_array
from earshot.processes import progress
from earshot.stages.paths import Paths
from earshot.stages.training_set import split_ids
from earshot.store.families import multi_hot
from earshot.store.reader import HyperImageStore

if TYPE_CHECKING:
    import pandas as pd

Rows = NDArray[np.intp]
Singles = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class TagTask:
    """Songs that have at least one of the tags.

    Attributes
    ----------
    songs
        As `raw_audio/songs.parquet`, n lines by song_id, with `recording`.
    tags
        The most frequent first, of equals the first by name.
    labels
        bool `(n, n_tags)`.
    store
        Hyper-images of these songs, and maybe of others.
    left_out
        Songs and tags that take no part, counted by why.
    """

    songs: pd.DataFrame
    tags: list[str]
    labels: Bools
    store: HyperImageStore
    left_out: dict[str, int]

    @cached_property
    def positions(self) -> NDArray[np.int64]:
        """Lines of the songs in the store, `(n,)`."""
        return np.array([self.store.position(song_id) for song_id in self.songs[SONG_ID]], dtype=np.int64)

    @cached_property
    def artists(self) -> NDArray[np.object_]:
        """The artist of each song, itself where nobody knows, `(n,)`; one for all songs of a recording."""
        return np.array(split.artist_or_song(*split_ids(self.songs)), dtype=object)

    @cached_property
    def statistics(self) -> Singles:
        """Mean, deviation and step of every row of the image, float32 `(n, 3 * n_rows)`."""
        songs = progress(self.positions, description="row statistics", unit="song")
        return np.stack([row_statistics(self.store.frames(int(song))).ravel() for song in songs])


def read_tag_task(raw_audio: Path, hyper_images: Path, choice: TagChoice) -> TagTask:
    """The songs of the catalogue with a hyper-image that are not withdrawn, and their tags.

    Raises
    ------
    UserError
        No tag that `least_songs` songs have, and as many lack.
    """
    import pandas as pd

    store = HyperImageStore.open(hyper_images)
    catalogue = pd.read_parquet(raw_audio / "songs.parquet")
    there = is_among(catalogue[SONG_ID], store.songs[SONG_ID]) & ~catalogue[WITHDRAWN]
    songs = catalogue.loc[there].sort_values(SONG_ID, ignore_index=True)
    songs[RECORDING] = songs[SONG_ID].map(recordings(raw_audio))
    names = [split_names(text) for text in songs[choice.column].fillna("")]
    tags, n_rare = _choose(names, choice, raw_audio / "songs.parquet")
    labels = multi_hot([sorted(some) for some in names], tags).astype(bool)
    tagged = np.asarray(labels.any(axis=1))
    left_out = {
        "songs without a tag": sum(not some for some in names),
        "songs with rarer tags alone": int(sum(map(bool, names)) - tagged.sum()),
        "rarer tags": n_rare,
    }
    return TagTask(songs.loc[tagged].reset_index(drop=True), tags, labels[tagged], store, left_out)


def _choose(names: Sequence[set[str]], choice: TagChoice, path: Path) -> tuple[list[str], int]:
    """The tags that take part, and how many do not."""
    counted = Counter(name for song in names for name in song)
    popular = sorted(counted, key=lambda name: (-counted[name], name))
    most = len(names) - choice.least_songs
    chosen = [name for name in popular if choice.least_songs <= counted[name] <= most][: choice.n_tags]
    if not chosen:
        found = ", ".join(f"{name} {counted[name]}" for name in popular[:3]) or "none"
        raise UserError(
            f"{path}, column {choice.column}: of {len(counted)} names none is that of at least "
            f"tags.least_songs={choice.least_songs} of the {len(names)} songs with sound, with as many that "
            f"lack it: {found}; tags of more songs are wanted, or a smaller tags.least_songs"
        )
    return chosen, len(counted) - len(chosen)


@dataclass(frozen=True)
class TagFold:
    """One fold of one way of splitting, with one seed.

    Attributes
    ----------
    training, validation, test
        Rows of `task.songs` to learn from, for early stopping, and held out; each ascending.
    work
        Folder of what is made for this fold alone; `kept` fills it.
    """

    task: TagTask
    by: By
    number: int
    seed: int
    training: Rows
    validation: Rows
    test: Rows
    work: Path
    words: int

    @cached_property
    def learn(self) -> Bools:
        """(n,) bool: songs to learn from, those for early stopping among them."""
        learn = np.ones(len(self.task.songs), dtype=np.bool_)
        learn[self.test] = False
        return learn

    @cached_property
    def judged(self) -> Bools:
        """(n_tags,) bool: tags that some songs have and some lack, both to learn from and held out."""
        training, test = self.task.labels[self.training], self.task.labels[self.test]
        both = [side.any(axis=0) & ~side.all(axis=0) for side in (training, test)]
        return np.asarray(both[0] & both[1])

    @cached_property
    def bags(self) -> Singles:
        """The songs as bags of words of a dictionary learned in this fold, float32 `(n, components)`."""

        def make() -> Singles:
            return bag_of_words(self.task.store, self.task.positions, self.learn, self.seed, self.words)

        return self.kept("bags", make)

    def with_labels(self, labels: Bools) -> TagFold:
        """The same songs with other labels, bool `(n, n_tags)`."""
        return replace(self, task=replace(self.task, labels=labels))

    def kept(self, name: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """What `make` gives, of any shape; what an interrupted run has made of it is read."""
        path = self.work / f"{name}.npy"
        if not path.is_file():
            self.work.mkdir(parents=True, exist_ok=True)
            replace_array(path, make())
        found: NDArray[Any] = np.load(path)
        return found


def make_tag_fold(task: TagTask, params: Tagging, by: By, number: int, seed: int, work: Path) -> TagFold:
    """By hashes of ids, so that a new delivery moves no song; work is kept in a folder inside `work`.

    Raises
    ------
    UserError
        One of the three sides is empty, or no tag can be judged.
    """
    folds = params.folds
    recording, artist = split_ids(task.songs)
    test = split.cold(recording, artist, folds.split(by, number))
    units = recording if by == "song" else task.artists.tolist()
    stopping = ~test & split.validation(units, folds.validation_share)
    sides = {"learn from": ~test & ~stopping, "stop training by": stopping, "hold out": test}
    where = f"folds.folds={folds.folds}, folds.validation_share={folds.validation_share}: split by {by}, fold"
    for purpose, side in sides.items():
        if not side.any():
            raise UserError(
                f"{where} {number} has none of {len(task.songs)} songs of {len(set(task.artists))} artists "
                f"to {purpose}; more of them, or fewer folds, are wanted"
            )
    training, validation, held_out = (np.flatnonzero(side) for side in sides.values())
    rows = {"training": training, "validation": validation, "test": held_out}
    folder = work / f"{by}-fold{number}-seed{seed}"
    fold = TagFold(task, by, number, seed, **rows, work=folder, words=params.words)
    if not fold.judged.any():
        raise UserError(
            f"{where} {number}: none of {len(task.tags)} tags is one that some songs have and others lack, "
            f"both of the {len(fold.training)} to learn from and of the {len(fold.test)} held out; more "
            "songs are wanted, or a larger tags.least_songs"
        )
    return fold


def read_task(paths: Paths, params: Tagging) -> TagTask:
    """The catalogue of a stage, as `read_tag_task`."""
    return read_tag_task(paths.data("raw_audio"), paths.data("hyper_images"), params.tags)
