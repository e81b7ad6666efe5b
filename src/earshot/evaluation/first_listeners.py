"""Cold songs as their first listeners come: some plays are revealed, the others are to be found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from earshot.arrays import positions_of
from earshot.catalogue.play_counts import PlayCounts
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
    """

    cold_start: ColdStart
    plays: csr_array
    predicted: Vectors
    users: Placed
    space: TasteSpace

    def only(self, candidates: NDArray[np.bool_]) -> ColdSongs:
        """Some of them alone, `(n_candidates,)`."""
        return ColdSongs(
            self.cold_start.only(candidates),
            csr_array(self.plays[candidates]),
            self.predicted[candidates],
            self.users,
            self.space,
        )

    @property
    def n_listeners(self) -> NDArray[np.integer]:
        """`(n_candidates,)`."""
        return np.diff(self.plays.indptr)


@dataclass(frozen=True)
class Started:
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


def cold_songs(plays: PlayCounts, cold_start: ColdStart, predicted: Vectors, space: TasteSpace) -> ColdSongs:
    """The candidates of `cold_start`, with the plays of those who are asked.

    `predicted` is (n_candidates, d); all listeners of `plays` are those that the space was trained with.
    """
    items = positions_of(plays.song_ids, cold_start.song_ids)
    counts = plays.matrix[:, items].tocoo()
    asked = np.isin(counts.coords[0], cold_start.users)
    users, songs = (axis[asked] for axis in counts.coords)  # of those who are asked
    # transposed: (n_candidates, n_all_users)
    by_song = coo_array((counts.data[asked], (songs, users)), shape=counts.shape[::-1]).tocsr()
    listeners = space.training_listeners()
    everybody = Placed(plays.user_ids, rows_of(listeners.ids, listeners.vectors, plays.user_ids))
    return ColdSongs(cold_start, by_song, predicted, everybody, space)


def start(songs: ColdSongs, n: int, max_listeners: int, seed: list[int]) -> Started:
    """Draw `n` of every song's listeners as its first.

    Of more than `max_listeners` who could be asked for the others, so many are.
    """
    rng = np.random.default_rng(seed)
    first = _draw(songs.plays, n, rng)
    known = csr_array(first.T.astype(bool))[songs.cold_start.users]  # (n_users, n_candidates)
    asked = songs.cold_start.reveal(known)
    order = rng.permutation(len(asked.users))
    return Started(songs, asked.asked(order < max_listeners), first)  # a random max_listeners of them


def _draw(plays: csr_array, n: int, rng: np.random.Generator) -> csr_array:
    """`n` entries of every row."""
    rows = np.repeat(np.arange(plays.shape[0]), np.diff(plays.indptr))  # the row of each entry
    order = np.lexsort((rng.random(plays.nnz), rows))  # by row, in each of them at random
    place = np.empty(plays.nnz, dtype=np.int64)
    # place of each entry in its shuffled row: `order` keeps rows where they are, at indptr[r]:indptr[r + 1]
    place[order] = np.arange(plays.nnz) - plays.indptr[rows]
    drawn = place < n
    entries = (plays.data[drawn], (rows[drawn], plays.indices[drawn]))
    return coo_array(entries, shape=plays.shape).tocsr()
