"""What takes part: songs of one genre that is not rare, cut into snippets as long as a window.

Also three ways of holding snippets out: at random, by whole songs, by artist.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.catalogue import split
from earshot.columns import ARTIST_ID, FIRST_FRAME, GENRES, N_FRAMES, SHARD, SONG_ID, genre_names
from earshot.errors import UserError
from earshot.store.reader import HyperImageStore
from earshot.training.objectives.genre import single_genre
from hyper_image.params import SnippetFolds

GENRE = "genre"
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
        `genre` is "" where a song takes no part, `artist_id` the song's own where it is missing.
    snippets
        A line each: snippet (an id), song_id, artist_id, genre, shard, first_frame, n_frames.
    genres
        Sorted.
    left_out
        Songs that take no part, counted by why.
    store
        Of the songs.
    """

    songs: pd.DataFrame
    snippets: pd.DataFrame
    genres: list[str]
    left_out: dict[str, int]
    store: HyperImageStore

    @cached_property
    def genre_numbers(self) -> Ints:
        """Of every snippet, its place in `genres`."""
        return pd.Index(self.genres).get_indexer(pd.Index(self.snippets[GENRE])).astype(np.int64)

    @cached_property
    def artist_numbers(self) -> Ints:
        """Of every snippet, from 0, in the order of artist_id."""
        return pd.factorize(self.snippets[ARTIST_ID], sort=True)[0].astype(np.int64)

    @cached_property
    def snippet_store(self) -> HyperImageStore:
        """The same frames, a snippet in the place of a song."""
        index = self.snippets[[SNIPPET, SHARD, FIRST_FRAME, N_FRAMES]].rename(columns={SNIPPET: SONG_ID})
        return HyperImageStore(self.store.folder, self.store.format, index)


def read_catalogue(raw_audio: Path, hyper_images: Path, window_seconds: float, least_songs: int) -> Catalogue:
    """The catalogue at hand.

    Raises
    ------
    UserError
        Fewer than two genres have `least_songs` songs.
    """
    store = HyperImageStore.open(hyper_images)
    catalogued = pd.read_parquet(raw_audio / "songs.parquet").set_index(SONG_ID, drop=False)
    songs = catalogued.loc[store.songs[SONG_ID]].reset_index(drop=True)
    songs[ARTIST_ID] = songs[ARTIST_ID].fillna("").where(songs[ARTIST_ID].fillna("") != "", songs[SONG_ID])
    names = songs[GENRES].fillna("").map(single_genre)
    counted = Counter(names[names != ""])
    genres = sorted(genre for genre, count in counted.items() if count >= least_songs)
    if len(genres) < 2:
        most = ", ".join(f"{name} {n}" for name, n in counted.most_common(3)) or "none"
        raise UserError(
            f"least_songs={least_songs}: {len(genres)} genres have so many songs of that genre alone, "
            f"two are wanted; the most: {most}"
        )
    songs[GENRE] = names.where(names.isin(genres), "")
    left_out = _left_out(songs, names)
    window = max(1, round(window_seconds * store.frames_per_second))
    return Catalogue(songs, _cut(songs, store, window), genres, left_out, store)


def _left_out(songs: pd.DataFrame, names: pd.Series) -> dict[str, int]:
    how_many = songs[GENRES].fillna("").map(lambda text: len(genre_names(text)))
    return {
        "without a genre": int((how_many == 0).sum()),
        "of several genres": int((how_many > 1).sum()),
        "of a rare genre": int(((names != "") & (songs[GENRE] == "")).sum()),
    }


def _cut(songs: pd.DataFrame, store: HyperImageStore, window: int) -> pd.DataFrame:
    """Snippets side by side from the start of each song that takes part; a shorter song is one snippet."""
    placed = songs[[SONG_ID, ARTIST_ID, GENRE]].assign(
        **{name: store.songs[name].to_numpy() for name in (SHARD, FIRST_FRAME, N_FRAMES)}
    )
    chosen = placed[placed[GENRE] != ""]
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
