"""The question of the cold start: which held-out songs are ranked for whom, and vectors to answer it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from earshot.arrays import positions_of
from earshot.catalogue.play_counts import PlayCounts, read_play_counts
from earshot.catalogue.split import chosen
from earshot.columns import ARTIST_ID, COLD, SONG_ID
from earshot.errors import UserError
from earshot.evaluation.metrics import Ints


def read_vectors(array: Path, table: Path, column: str, wanted: ArrayLike) -> NDArray[np.float32]:
    """Rows of `array` for the `wanted` ids, `(n_wanted, d)`.

    Parameters
    ----------
    array
        .npy, `(n, d)`.
    table, column
        parquet of n lines that says whose each row is.

    Raises
    ------
    UserError
        An id that the table does not hold, named; or a table of another length.
    """
    vectors: NDArray[np.float32] = np.load(array, mmap_mode="r", allow_pickle=False)
    ids = pd.Index(pd.read_parquet(table, columns=[column])[column])
    if len(ids) != len(vectors):
        raise UserError(f"{array}: {len(vectors)} rows, but {table} has {len(ids)}")
    index = pd.Index(np.asarray(wanted, dtype=object))
    rows = positions_of(ids, index)
    if (rows < 0).any():
        raise UserError(
            f"{table}: no {column} {index[rows < 0][0]!r}, nor {int((rows < 0).sum()) - 1} others"
        )
    return np.asarray(vectors[rows])


@dataclass(frozen=True)
class ColdStart:
    """Users with a warm play and a relevant candidate, and the cold songs they are asked about.

    Attributes
    ----------
    song_ids, artist_ids
        `(n_candidates,)`: candidates, by artist, then song; the artist of a song that
        names none is the song itself.
    known_artist
        `(n_candidates,)`: whether the factors have seen another song of that artist.
    users
        `(n_users,)`: their rows in `users.parquet`, ascending.
    positives
        `(n_users, n_candidates)`: what they listened to; at least one a user.
    revealed
        `(n_users, n_candidates)`: plays that the asked system knows, neither positives nor
        negatives; None where it knows none.
    users_without_warm_play, users_without_candidate
        How many others there are, and why they are not asked.
    users_not_drawn
        How many more could have been asked, where there is a bound.
    songs_without_listeners
        Cold songs with audio that nobody listened to: no candidates.
    """

    song_ids: NDArray[np.object_]
    artist_ids: NDArray[np.object_]
    known_artist: NDArray[np.bool_]
    users: Ints
    positives: csr_array
    revealed: csr_array | None = None
    users_without_warm_play: int = 0
    users_without_candidate: int = 0
    users_not_drawn: int = 0
    songs_without_listeners: int = 0

    @cached_property
    def artists(self) -> Ints:
        """`(n_candidates,)`: the artist of every candidate, numbered from 0."""
        # (n_candidates - 1,): candidates are sorted by artist, True where the next one begins
        new = self.artist_ids[1:] != self.artist_ids[:-1]
        return np.concatenate([[0], np.cumsum(new)]).astype(np.int64)

    @cached_property
    def artist_starts(self) -> Ints:
        """`(n_artists,)`: the first candidate of every artist."""
        return np.flatnonzero(np.diff(self.artists, prepend=-1))  # where the number changes

    def only(self, candidates: NDArray[np.bool_]) -> ColdStart:
        """The same question about some of the candidates alone, `(n_candidates,)` bool.

        Users left without a positive drop out.
        """
        some = replace(
            self,
            song_ids=self.song_ids[candidates],
            artist_ids=self.artist_ids[candidates],
            known_artist=self.known_artist[candidates],
            positives=csr_array(self.positives[:, candidates]),
            revealed=None if self.revealed is None else csr_array(self.revealed[:, candidates]),
            users_without_warm_play=0,
            users_without_candidate=0,
            users_not_drawn=0,
            songs_without_listeners=0,
        )
        return some.asked(np.diff(some.positives.indptr) > 0)  # positives left to each user

    def asked(self, users: NDArray[np.bool_]) -> ColdStart:
        """The same question put to some of the users alone, `(n_users,)`."""
        revealed = None if self.revealed is None else csr_array(self.revealed[users])
        positives = csr_array(self.positives[users])
        return replace(self, users=self.users[users], positives=positives, revealed=revealed)

    def reveal(self, plays: csr_array) -> ColdStart:
        """The same question to one who knows some of the positives, `(n_users, n_candidates)` bool.

        Users left without a positive drop out.
        """
        left = csr_array(self.positives > plays)  # of bools: positives that are not among the plays
        return replace(self, positives=left, revealed=plays).asked(np.diff(left.indptr) > 0)


def read_cold_start(training_set: Path, max_listeners: int | None = None) -> ColdStart:
    """The users and candidates of `data/training_set/`.

    Candidates are the cold songs with audio and at least one listener; users
    are those with a play of a song that is not cold and of a candidate. An
    artist is known if the factors saw a song of theirs that stands in
    `songs.parquet`, which names the artists. Of more than `max_listeners` users so
    many are asked, by a hash of their ids: mostly the same ones as catalogues grow.

    Raises
    ------
    UserError
        There is no candidate, or no such user.
    """
    songs = pd.read_parquet(training_set / "songs.parquet")
    plays = read_play_counts(training_set)
    every = cold_start_of(plays, songs, training_set)
    if max_listeners is None or len(every.users) <= max_listeners:
        return every
    ids = plays.user_ids[every.users]
    drawn = np.isin(ids, chosen(ids.tolist(), max_listeners, "evaluation"))
    return replace(every.asked(drawn), users_not_drawn=len(ids) - max_listeners)


def cold_start_of(counts: PlayCounts, songs: pd.DataFrame, where: object) -> ColdStart:
    """The same of plays and songs (song_id, artist_id, cold); errors say that they came from `where`."""
    songs = songs.assign(**{ARTIST_ID: _artist_or_song(songs)}).sort_values([ARTIST_ID, SONG_ID])
    item = positions_of(counts.song_ids, songs[SONG_ID])  # -1: nobody listened
    cold = songs[COLD].to_numpy(dtype=np.bool_)
    candidates = songs[cold & (item >= 0)]
    # (n_all_users, n_candidates), (n_all_users,)
    relevant, warm_plays = _plays(counts, item[cold & (item >= 0)])
    n_relevant = np.diff(relevant.indptr)  # (n_all_users,)
    users = np.flatnonzero((n_relevant > 0) & (warm_plays > 0))
    if not len(users):
        raise UserError(
            f"{where}: {len(counts.user_ids)} listeners, {len(candidates)} cold songs with audio and "
            "listeners, and nobody who listened to one of them and to a song that is not cold"
        )
    known = songs.loc[~cold & (item >= 0), ARTIST_ID]
    return ColdStart(
        candidates[SONG_ID].to_numpy(dtype=object),
        candidates[ARTIST_ID].to_numpy(dtype=object),
        candidates[ARTIST_ID].isin(known).to_numpy(),
        users,
        csr_array(relevant[users]),
        users_without_warm_play=int((warm_plays == 0).sum()),
        users_without_candidate=int(((warm_plays > 0) & (n_relevant == 0)).sum()),
        songs_without_listeners=int((cold & (item < 0)).sum()),
    )


def _plays(counts: PlayCounts, candidates: NDArray[np.integer]) -> tuple[csr_array, Ints]:
    """`(n_all_users, n_candidates)` plays of candidates, and every user's plays of other songs."""
    # the same entries with True in place of counts: a song is relevant or not
    played = csr_array(
        (np.ones(counts.matrix.nnz, bool), counts.matrix.indices, counts.matrix.indptr), counts.matrix.shape
    )
    relevant = csr_array(played[:, candidates])
    relevant.sort_indices()  # columns picked in another order leave rows unsorted
    return relevant, (np.diff(played.indptr) - np.diff(relevant.indptr)).astype(np.int64)


def _artist_or_song(songs: pd.DataFrame) -> pd.Series:
    artist = songs[ARTIST_ID].fillna("")
    return artist.where(artist != "", songs[SONG_ID])
