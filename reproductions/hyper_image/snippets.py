"""What takes part: songs of one label that is not rare, cut into snippets as long as a window.

Also three ways of holding snippets out: at random, by whole songs, by artist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.catalogue import split
from earshot.columns import ARTIST_ID, FIRST_FRAME, N_FRAMES, SHARD, SONG_ID
from earshot.errors import UserError
from earshot.store.reader import HyperImageStore
from earshot.training.objectives.genre import names_among, single
from hyper_image.params import LABEL, Labels, SnippetFolds

SNIPPET = "snippet"
HELD_OUT = "held_out"

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Catalogue:
    """Songs, and the snippets of those that take part.

    Attributes
    ----------
    songs
        All with a hyper-image, as `raw_audio/songs.parquet`, in the order of the store;
        `label` is "" where a song takes no part, `artist_id` the song's own where it is missing.
    snippets
        A line each: snippet (an id), song_id, artist_id, label, shard, first_frame, n_frames.
    labels
        Sorted.
    left_out
        Songs that take no part, counted by why.
    store
        Of the songs.
    """

    songs: pd.DataFrame
    snippets: pd.DataFrame
    labels: list[str]
    left_out: dict[str, int]
    store: HyperImageStore

    @cached_property
    def label_numbers(self) -> Ints:
        """Of every snippet, its place in `labels`."""
        return pd.Index(self.labels).get_indexer(pd.Index(self.snippets[LABEL])).astype(np.int64)

    @cached_property
    def artist_numbers(self) -> Ints:
        """Of every snippet, from 0, in the order of artist_id."""
        return pd.factorize(self.snippets[ARTIST_ID], sort=True)[0].astype(np.int64)

    @cached_property
    def snippet_store(self) -> HyperImageStore:
        """The same frames, a snippet in the place of a song."""
        index = self.snippets[[SNIPPET, SHARD, FIRST_FRAME, N_FRAMES]].rename(columns={SNIPPET: SONG_ID})
        return HyperImageStore(self.store.folder, self.store.format, index)


def read_catalogue(
    raw_audio: Path,
    hyper_images: Path,
    window_seconds: float,
    least_songs: int,
    labels: Labels,
    hidden: Collection[str] = (),
) -> Catalogue:
    """The catalogue at hand; songs in `hidden` are there, but as if nobody had said what their labels are.

    Raises
    ------
    UserError
        The song table has no such column, or fewer than two labels have `least_songs` songs.
    """
    store = HyperImageStore.open(hyper_images)
    catalogued = pd.read_parquet(raw_audio / "songs.parquet").set_index(SONG_ID, drop=False)
    songs = catalogued.loc[store.songs[SONG_ID]].reset_index(drop=True)
    songs[ARTIST_ID] = songs[ARTIST_ID].fillna("").where(songs[ARTIST_ID].fillna("") != "", songs[SONG_ID])
    found = _names(songs, labels).where(~songs[SONG_ID].isin(hidden), other=_NOTHING)
    names = found.map(single)
    counted = Counter(names[names != ""])
    frequent = sorted(name for name, count in counted.items() if count >= least_songs)
    if len(frequent) < 2:
        most = ", ".join(f"{name} {n}" for name, n in counted.most_common(3)) or "none"
        word = labels.word
        raise UserError(
            f"least_songs={least_songs}: {len(frequent)} {word}s have so many songs of that {word} alone, "
            f"two are wanted, in the column {labels.column!r} of songs.parquet; the most: {most}"
        )
    songs[LABEL] = names.where(names.isin(frequent), "")
    left_out = _left_out(found, songs[LABEL] == "", labels.word)
    window = max(1, round(window_seconds * store.frames_per_second))
    return Catalogue(songs, _cut(songs, store, window), frequent, left_out, store)


_NOTHING: frozenset[str] = frozenset()


def _names(songs: pd.DataFrame, labels: Labels) -> pd.Series:
    """Of every song the set of its names that count."""
    if labels.column not in songs:
        raise UserError(
            f"labels.column={labels.column!r}: songs.parquet has no such column; "
            f"wanted one of {', '.join(songs.columns)}"
        )
    return songs[labels.column].fillna("").astype(str).map(lambda text: names_among(text, labels.among))


def _left_out(found: pd.Series, no_part: pd.Series, word: str) -> dict[str, int]:
    how_many = found.map(len)
    return {
        f"without a {word}": int((how_many == 0).sum()),
        f"of several {word}s": int((how_many > 1).sum()),
        f"of a rare {word}": int(((how_many == 1) & no_part).sum()),
    }


def _cut(songs: pd.DataFrame, store: HyperImageStore, window: int) -> pd.DataFrame:
    """Snippets side by side from the start of each song that takes part; a shorter song is one snippet."""
    placed = songs[[SONG_ID, ARTIST_ID, LABEL]].assign(
        **{name: store.songs[name].to_numpy() for name in (SHARD, FIRST_FRAME, N_FRAMES)}
    )
    chosen = placed[placed[LABEL] != ""]
    counts = np.maximum(1, chosen[N_FRAMES].to_numpy() // window)
    # the line of a song once for each of its snippets
    cut = chosen.loc[chosen.index.repeat(counts)].reset_index(drop=True)
    number = cut.groupby(SONG_ID, sort=False).cumcount()  # 0, 1, 2, ... within a song
    cut[FIRST_FRAME] += window * number
    cut[N_FRAMES] = cut[N_FRAMES].clip(upper=window)  # a shorter song keeps its length
    return cut.assign(**{SNIPPET: cut[SONG_ID] + "#" + number.astype(str)})


KEPT_TOGETHER = {"snippet": SNIPPET, "song": SONG_ID, "artist": ARTIST_ID}
"""Way of splitting -> what lies on one side whole."""

Rows = NDArray[np.intp]


def ways(folds: SnippetFolds) -> list[str]:
    """The ways of splitting that are asked for, the strictest last."""
    return [by for by in KEPT_TOGETHER if by in folds.by]


@dataclass(frozen=True)
class SnippetFold:
    """Rows of the snippets to learn from, for early stopping, and held out; each ascending.

    `by` is a key of `KEPT_TOGETHER`; `number` the fold that is held out.
    """

    by: str
    number: int
    training: Rows
    validation: Rows
    test: Rows


def make_fold(snippets: pd.DataFrame, by: str, number: int, folds: SnippetFolds) -> SnippetFold:
    """By hashes of ids, so that a new delivery moves no snippet.

    Raises
    ------
    UserError
        One of the three sides is empty.
    """
    ids = snippets[KEPT_TOGETHER[by]]
    test = split.cold(ids, ids, folds.split(number))
    validation = ~test & split.validation(ids, folds.validation_share)
    sides = {
        "learn from": ~test & ~validation,
        "stop training by": validation,
        "hold out": test,
    }
    for purpose, side in sides.items():
        if not side.any():
            raise UserError(
                f"folds.folds={folds.folds}, folds.validation_share={folds.validation_share}: split by {by}, "
                f"fold {number} has none of {ids.nunique()} to {purpose}; more of them, or fewer folds, are "
                "wanted"
            )
    return SnippetFold(by, number, *(np.flatnonzero(side) for side in sides.values()))


def on_both_sides(snippets: pd.DataFrame, fold: SnippetFold, column: str) -> int:
    """How many songs or artists (`column`) have snippets that are held out, and others that are not."""
    learned_from = np.concatenate([fold.training, fold.validation])
    return len(set(snippets[column].iloc[learned_from]) & set(snippets[column].iloc[fold.test]))
