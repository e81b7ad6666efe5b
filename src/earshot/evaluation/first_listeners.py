"""Cold songs as their first listeners come: some plays are revealed, the others are to be found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from earshot.arrays import positions_of
from earshot.catalogue.first_entries import draw_first
from earshot.catalogue.play_counts import PlayCounts
from earshot.catalogue.play_dates import PlayDates
from earshot.evaluation.arrivals import DATED, RANDOM, Draw, arrivals
from earshot.evaluation.cold_start import ColdStart
from earshot.spaces.placing import Placed, Vectors, rows_of
from earshot.spaces.space import TasteSpace


@dataclass(frozen=True)
class ColdSongs:
    """Songs that the factors have not seen, and all that is known of them.

    Attributes
    ----------
    cold_start
        The candidates, and who listens to them.
    plays
        float32 (n_candidates, n_all_users): play counts of `cold_start`.
    predicted
        float32 (n_candidates, d): what their sound says.
    users
        All of them, (n_all_users, d), as they were trained on.
    space
        In which songs and users are placed.
    arrivals
        In which order their listeners come; see `earshot.evaluation.arrivals.arrivals`.
    """

    cold_start: ColdStart
    plays: csr_array
    predicted: Vectors
    users: Placed
    space: TasteSpace
    arrivals: Mapping[Draw, csr_array]

    def only(self, candidates: NDArray[np.bool_]) -> ColdSongs:
        """Some of them alone, `(n_candidates,)`."""
        return ColdSongs(
            self.cold_start.only(candidates),
            csr_array(self.plays[candidates]),
            self.predicted[candidates],
            self.users,
            self.space,
            {draw: csr_array(values[candidates]) for draw, values in self.arrivals.items()},
        )

    @property
    def draws(self) -> tuple[Draw, ...]:
        """How first listeners are drawn: by date where that is known, else at random and biased."""
        return (DATED,) if DATED in self.arrivals else (RANDOM, *self.arrivals)

    @property
    def n_listeners(self) -> NDArray[np.integer]:
        """`(n_candidates,)`."""
        return np.diff(self.plays.indptr)


@dataclass(frozen=True)
class StartedSongs:
    """Songs with their first listeners.

    Attributes
    ----------
    songs
        As they are with all their listeners.
    cold_start
        Who else listens to them; the first listeners are revealed.
    first
        float32 (n_candidates, n_all_users): play counts of the first listeners.
    """

    songs: ColdSongs
    cold_start: ColdStart
    first: csr_array

    def plays_alone(self) -> Vectors:
        """(n_candidates, d) as the first listeners alone place them."""
        return self._placed(None, None)

    def both(self, n0: float) -> Vectors:
        """(n_candidates, d) as they and the sound place them; see `TasteSpace.place_songs`."""
        return self._placed(self.songs.predicted, n0)

    def _placed(self, predicted: Vectors | None, n0: float | None) -> Vectors:
        songs = self.songs
        plays = PlayCounts(songs.users.ids, self.cold_start.song_ids, self.first.T.tocsr())
        return songs.space.place_songs(plays.song_ids, predicted, plays, n0).vectors


def cold_songs(
    plays: PlayCounts,
    cold_start: ColdStart,
    predicted: Vectors,
    space: TasteSpace,
    dates: PlayDates | None = None,
) -> ColdSongs:
    """The candidates of `cold_start`, with the plays of those who are asked, and the `dates` of these plays.

    `predicted` is (n_candidates, d); all listeners of `plays` are those that the space was trained with.
    """
    items = positions_of(plays.song_ids, cold_start.song_ids)
    by_song = _by_song(plays.matrix, items, cold_start.users)
    listeners = space.training_listeners()
    everybody = Placed(plays.user_ids, rows_of(listeners.ids, listeners.vectors, plays.user_ids))
    first_played = None
    if dates is not None:
        # the matrix once more with dates in place of counts
        dated = csr_array((dates.first, plays.matrix.indices, plays.matrix.indptr), plays.matrix.shape)
        first_played = _by_song(dated, items, cold_start.users)
    n_songs_played = np.diff(plays.matrix.indptr)  # (n_all_users,)
    coming = arrivals(by_song, first_played, n_songs_played, predicted, everybody.vectors)
    return ColdSongs(cold_start, by_song, predicted, everybody, space, coming)


def _by_song(plays: csr_array, items: NDArray[np.integer], users: NDArray[np.integer]) -> csr_array:
    """(n_items, n_all_users): the entries of some items that are of some users."""
    entries = plays[:, items].tocoo()
    asked = np.isin(entries.coords[0], users)
    of_users, songs = (axis[asked] for axis in entries.coords)
    return coo_array((entries.data[asked], (songs, of_users)), shape=entries.shape[::-1]).tocsr()


def start(songs: ColdSongs, draw: Draw, n: int, max_listeners: int, seed: list[int]) -> StartedSongs:
    """Take `n` of every song's listeners as its first.

    Of more than `max_listeners` who could be asked for the others, so many are.
    """
    rng = np.random.default_rng(seed)
    first = draw_first(songs.plays, songs.arrivals.get(draw), n, rng)
    known = csr_array(first.T.astype(bool))[songs.cold_start.users]  # (n_users, n_candidates)
    asked = songs.cold_start.reveal(known)
    order = rng.permutation(len(asked.users))
    return StartedSongs(songs, asked.asked(order < max_listeners), first)  # a random max_listeners of them
