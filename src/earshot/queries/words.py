"""What listeners have said of songs, as far as it keeps these out of lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.columns import ITEM, SONG_ID, USER, USER_ID

if TYPE_CHECKING:
    import pandas as pd

Rows = NDArray[np.int64]
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Words:
    """Songs that listeners have disliked or excluded.

    Attributes
    ----------
    by_user, by_song
        Rows of the songs of each user_id, and of the listeners of each song_id, among what is served.
    """

    by_user: Mapping[str, Rows]
    by_song: Mapping[str, Rows]

    @classmethod
    def of(cls, pairs: pd.DataFrame, user_ids: NDArray[np.object_], song_ids: NDArray[np.object_]) -> Words:
        """Of a table of user_id and song_id, as far as both are served: `(n_users,)` and `(n_songs,)` ids."""
        users, songs = positions_of(user_ids, pairs[USER_ID]), positions_of(song_ids, pairs[SONG_ID])
        known = pairs.assign(**{USER: users, ITEM: songs})[(users >= 0) & (songs >= 0)]
        return cls(
            {str(user): rows.to_numpy() for user, rows in known.groupby(USER_ID)[ITEM]},
            {str(song): rows.to_numpy() for song, rows in known.groupby(SONG_ID)[USER]},
        )

    def left_out_by(self, user: str) -> Rows:
        """Rows of the songs that a listener wants in no list, whatever is asked for, `(n,)`."""
        return self.by_user.get(user, _NONE)

    def without(self, song: str) -> Rows:
        """Rows of the listeners who want a song in no list, `(n,)`."""
        return self.by_song.get(song, _NONE)
