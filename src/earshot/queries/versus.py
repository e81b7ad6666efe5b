"""Two lists for one listener, by two releases, out of the songs that both know and by the same rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import positions_of
from earshot.columns import ARTIST, GENRES, HEARD, SONG_ID, TITLE
from earshot.queries.choice import Choice, Wanted
from earshot.queries.state import ServedState
from earshot.spaces.placing import Placed, rows_of

Rows = NDArray[np.int64]
_TRIES = 50
_TASTE = 5
"""Songs that a listener has played, to know by what he or she would judge."""


@dataclass(frozen=True)
class Pair:
    """What serves, and another release beside it.

    Attributes
    ----------
    served
        Its state.
    other
        Name of the other release.
    mine, others
        The same songs to choose from, by the vectors of either.
    listeners
        Rows among `served.user_ids` of those that both have a place for, `(n,)`.
    vectors
        float32 (n_users, d): all of `served.user_ids` under the other release; zeros where it has no place.
    """

    served: ServedState
    other: str
    mine: Choice
    others: Choice
    listeners: Rows
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, served: ServedState, other: str, songs: Placed, listeners: Placed) -> Pair:
        """`songs` and `listeners` are as the release `other` places them."""
        rows = served.choice.rows
        both = rows[positions_of(songs.ids, served.song_ids[rows]) >= 0]
        vectors = rows_of(songs.ids, songs.vectors, served.song_ids)
        users = rows_of(listeners.ids, listeners.vectors, served.user_ids)
        placed = users.any(axis=1) & served.vectors("user_factors.npy").any(axis=1)
        mine = Choice(served.choice.vectors, served.artists, both)
        pair = cls(served, other, mine, Choice(vectors, served.artists, both), np.flatnonzero(placed), users)
        mine.load()
        pair.others.load()
        return pair

    def lists(self, user: int, k: int, max_per_artist: int | None) -> tuple[Rows, Rows]:
        """The k best songs for a listener, a row of `served.user_ids`: by what serves, by the other."""
        user_id = self.served.user_ids[user]
        left_out = np.union1d(self.served.played_by(user_id), self.served.words.left_out_by(user_id))
        asked = (
            (self.mine, self.served.vectors("user_factors.npy")[user]),
            (self.others, self.vectors[user]),
        )
        mine, others = (
            choice.best([Wanted(vector, left_out, k, None, max_per_artist)])[0].items
            for choice, vector in asked
        )
        return mine, others

    def draw(
        self, rng: np.random.Generator, k: int, max_per_artist: int | None
    ) -> tuple[int, Rows, Rows] | None:
        """A listener at random to whom the two give different songs, and both lists.

        None where none of fifty has such lists: there is hardly anything to be heard.
        """
        for user in rng.choice(self.listeners, min(_TRIES, len(self.listeners)), replace=False).tolist():
            mine, others = self.lists(user, k, max_per_artist)
            if set(mine.tolist()) != set(others.tolist()):
                return user, mine, others
        return None

    def taste(self, user: int, rng: np.random.Generator) -> Rows:
        """Up to five songs that a listener has played, at random."""
        played = self.served.played_by(self.served.user_ids[user])
        return rng.choice(played, min(_TASTE, len(played)), replace=False)


def named(served: ServedState, rows: Rows) -> list[dict[str, Any]]:
    """song_id, title, artist, genres and whether there is a sound of it, of songs by their rows."""
    columns = served.columns
    return [
        {
            SONG_ID: served.song_ids[row],
            **{name: columns[name][row] for name in (TITLE, ARTIST, GENRES)},
            HEARD: bool(columns[HEARD][row]),
        }
        for row in rows.tolist()
    ]
