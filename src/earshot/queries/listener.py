"""What a listener has played, so that a reader can judge what is recommended."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import GENRES, PLAY_COUNT
from earshot.queries.answers import named
from earshot.queries.explain import Explaining, Unexplained

_SONGS, _GENRES = 12, 5


@dataclass(frozen=True)
class AboutListener:
    """A listener.

    Attributes
    ----------
    n_songs
        That he or she has played, of those that are served.
    most_played
        song_id, title, artist, play_count (less for old plays where these count for less); empty where the
        plays that are served are being replaced.
    genres
        Of most of the songs: name, and how many of them.
    """

    user_id: str
    n_songs: int
    most_played: list[dict[str, Any]]
    genres: list[tuple[str, int]]


def about_listener(explaining: Explaining, user: str) -> AboutListener:
    """What a listener has played. Raises UserError for one without plays."""
    served = explaining.served
    counts: NDArray[np.float32]
    try:
        rows, counts = explaining.played(user)
    except Unexplained:
        rows, counts = served.played_by(user), np.empty(0, np.float32)
    most = [
        {**named(served, row), PLAY_COUNT: float(count)}
        for row, count in zip(rows[:_SONGS].tolist(), counts, strict=False)
    ]
    genres = Counter(
        name.strip() for row in rows for name in set(served.columns[GENRES][row].split(";")) if name.strip()
    )
    return AboutListener(user, len(rows), most, genres.most_common(_GENRES))
