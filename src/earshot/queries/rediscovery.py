"""What listeners have played often, but not for a long time: songs that they may have forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.columns import ITEM, LAST_PLAYED_AT, PLAY_COUNT, SONG_ID, USER, USER_ID
from earshot.queries.served_files import PLAYS
from earshot.queries.state import ServedState

if TYPE_CHECKING:
    import pandas as pd

LATELY_DAYS = 90
"""Before the newest play of all; what was played since is not forgotten."""
FEWEST_PLAYS = 2
"""A song that was heard once may not have been liked."""
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Rediscovery:
    """The plays that are old enough, of every listener.

    Attributes
    ----------
    users, songs
        (n_pairs,): rows of the listener and of the song in what is served, sorted by the listener's.
    user_vectors, song_vectors
        Of what is served, (n, factors).
    """

    users: NDArray[np.int64]
    songs: NDArray[np.int64]
    served: ServedState
    user_vectors: NDArray[np.float32]
    song_vectors: NDArray[np.float32]

    @classmethod
    def of(cls, served: ServedState) -> Rediscovery | None:
        """Of what is served; None where no play is dated. Raises UserError where a file is lost."""
        newest = served.newest_play
        if newest is None:
            return None
        old = _old(served.plays_of(USER, ITEM, PLAY_COUNT, LAST_PLAYED_AT), newest)
        users = positions_of(served.user_ids, served.table(PLAYS, "users.parquet")[USER_ID])[old[USER]]
        songs = positions_of(served.song_ids, served.table(PLAYS, "items.parquet")[SONG_ID])[old[ITEM]]
        known = (users >= 0) & (songs >= 0) & np.isin(songs, served.choice.rows)
        order = np.argsort(users[known], kind="stable")
        vectors = (served.vectors(f"{kind}_factors.npy") for kind in ("user", "item"))
        return cls(users[known][order], songs[known][order], served, *vectors)

    def songs_of(self, user: str, k: int) -> list[str]:
        """The k of a listener's old plays that have the highest scores today; best first."""
        row = self.served.user_row(user)
        if row is None:
            return []
        first, last = np.searchsorted(self.users, [row, row + 1])
        songs = self.songs[first:last]
        scores = self.song_vectors[songs] @ self.user_vectors[row]
        best = songs[np.argsort(-scores, kind="stable")[:k]]
        return [str(song) for song in self.served.song_ids[best]]


def _old(plays: pd.DataFrame, newest: int) -> pd.DataFrame:
    """Of the table of plays the pairs that were heard often and not lately, as far as they are dated."""
    lately = newest - LATELY_DAYS * _SECONDS_A_DAY
    often = plays[PLAY_COUNT] >= FEWEST_PLAYS
    old: pd.DataFrame = plays[(often & (plays[LAST_PLAYED_AT] < lately)).fillna(False).astype(bool)]
    return old
