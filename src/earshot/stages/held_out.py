"""What is held out of a snapshot to judge served lists by, and who is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.catalogue.held_out import held_out_plays
from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.catalogue.play_dates import read_play_dates
from earshot.catalogue.split import chosen
from earshot.columns import ARTIST_ID, COLD, GENRES, SONG_ID, genre_names
from earshot.evaluation.intervals import jackknife_groups
from earshot.evaluation.list_quality import JudgedLists
from earshot.params import ServedQuality
from earshot.recommend.held_out_lists import without
from earshot.recommend.list_rules import ListMaker, ListRules, number_artists
from earshot.spaces.placing import Ids, columns_of, count_listeners, rows_of

LENGTH = 200
"""Of the lists: twice what is looked at, so that songs of an artist can be taken out."""
LISTS = "lists.npy"
"""The file of a candidate's lists in the output of served_quality."""


@dataclass(frozen=True)
class HeldOut:
    """What is held out, and of whom it is asked.

    Attributes
    ----------
    known
        The plays that are not held out.
    song_ids
        (n_songs,): songs with a sound or with a play, sorted.
    new
        (n_songs,): the cold songs, all of whose plays are held out.
    artist_ids, genres
        (n_songs,): the song itself where no artist is named; `""` where no genre is.
    asked
        Rows of `known.user_ids`: listeners with a play that is known and one that is held out.
    by_date
        (n_asked,): whether the last plays of known songs are held out, as all have a date; others by hash.
    positives
        bool csr (n_asked, n_songs): what is held out.
    """

    known: PlayCounts
    song_ids: Ids
    new: NDArray[np.bool_]
    artist_ids: Ids
    genres: Ids
    asked: NDArray[np.int64]
    by_date: NDArray[np.bool_]
    positives: csr_array

    @cached_property
    def question(self) -> JudgedLists:
        """For `earshot.evaluation.list_quality`."""
        return self.about(np.ones(len(self.song_ids), dtype=np.bool_))

    def about(self, songs: NDArray[np.bool_], listeners: NDArray[np.int64] | None = None) -> JudgedLists:
        """The question of some songs, `(n_songs,)`, and of some rows of `asked`; it counts their artists."""
        positives = self.positives if listeners is None else csr_array(self.positives[listeners])
        some = JudgedLists(positives, self._groups, 0).only(songs)
        played = np.diff(some.positives.T.tocsr().indptr) > 0
        return replace(some, n_artists=len(np.unique(self.artist_ids[played])))

    @cached_property
    def _groups(self) -> NDArray[np.int64]:
        return jackknife_groups(self.artist_ids.tolist())

    @cached_property
    def n_listeners(self) -> NDArray[np.int32]:
        """(n_songs,): listeners whom each song is known to have."""
        return rows_of(self.known.song_ids, count_listeners(self.known), self.song_ids)

    def maker(self, rules: ListRules, k: int = LENGTH) -> ListMaker:
        """Of the lists that are judged; new are, as in serving, songs that nobody is known to have played."""
        artists = number_artists(self.artist_ids, self.song_ids)
        return ListMaker(k, rules, self.n_listeners == 0, artists)


def read_held_out(training_set: Path, settings: ServedQuality) -> HeldOut:
    """Out of a folder as the stage training_set writes it."""
    plays = read_play_counts(training_set)
    songs = pd.read_parquet(training_set / "songs.parquet")
    cold_ids = songs.loc[songs[COLD], SONG_ID].to_numpy(dtype=object)
    of_new = np.isin(plays.song_ids, cold_ids)[plays.matrix.indices]  # (n_plays,)
    # of the plays of songs that stay known, a share
    known_songs = without(plays, of_new)
    held_out = of_new.copy()
    dates = read_play_dates(training_set)
    first = None if dates is None else dates.first[~of_new]
    held_out[~of_new] = held_out_plays(known_songs, settings.held_out_share, first)
    known = without(plays, held_out)
    song_ids = np.union1d(songs[SONG_ID].to_numpy(dtype=object), plays.song_ids)
    hidden = columns_of(without(plays, ~held_out).matrix, plays.song_ids, song_ids)
    asked = _asked(known, hidden, settings.max_listeners)
    by_id = songs.set_index(SONG_ID)
    artists = by_id[ARTIST_ID].reindex(song_ids).fillna("").to_numpy(dtype=object)
    return HeldOut(
        known,
        song_ids,
        np.isin(song_ids, cold_ids),
        np.where(artists == "", song_ids, artists),
        by_id[GENRES].reindex(song_ids).fillna("").to_numpy(dtype=object),
        asked,
        _all_dated(known_songs, first)[asked],
        csr_array(hidden[asked].astype(np.bool_)),
    )


def _all_dated(plays: PlayCounts, first: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """(n_users,): whether none of a listener's plays lacks a date; `first` as `held_out_plays` has it."""
    n_users = len(plays.user_ids)
    if first is None:
        return np.zeros(n_users, dtype=np.bool_)
    listeners = np.repeat(np.arange(n_users), np.diff(plays.matrix.indptr))  # (n_plays,): whose each is
    return np.asarray(np.bincount(listeners[first < 0], minlength=n_users) == 0)


def _asked(known: PlayCounts, hidden: csr_array, at_most: int) -> NDArray[np.int64]:
    able = np.flatnonzero((np.diff(known.matrix.indptr) > 0) & (np.diff(hidden.indptr) > 0))
    few = chosen(known.user_ids[able].tolist(), at_most, "served_quality")
    return able[np.isin(known.user_ids[able], few)]


def genre_shares(genres: Ids) -> tuple[list[str], NDArray[np.float64]]:
    """The names of all genres, and the share of each in a song, (n_songs, n_genres); zeros without one."""
    named = [genre_names(text) for text in genres.tolist()]
    names = sorted({name for song in named for name in song})
    columns = {name: column for column, name in enumerate(names)}
    shares = np.zeros((len(named), len(names)))
    for song, own in enumerate(named):
        for name in own:
            shares[song, columns[name]] = 1 / len(own)
    return names, shares
