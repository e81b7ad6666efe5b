"""Finding songs and listeners by what a person remembers of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from earshot.columns import ARTIST, GENRES, N_LISTENERS, SONG_ID, TITLE, USER_ID
from earshot.datasets.importing.names import match_key
from earshot.queries.sound_alone import needs_plays
from earshot.queries.state import ServedState

Rows = list[dict[str, Any]]


def songs(served: ServedState, text: str, k: int) -> Rows:
    """The k songs with most listeners of which id, title, artist or genres hold every word of `text`.

    Without regard to case, accents and punctuation; withdrawn songs are left out. Columns: song_id, title,
    artist, genres, n_listeners.
    """
    index = served.search_index
    # words may stand in any of them, but not begin in one and end in the next
    words = [match_key(word) for word in text.split()]
    found = [place for place, line in enumerate(index.texts) if all(word in line for word in words)]
    best = index.songs.iloc[found].sort_values(N_LISTENERS, ascending=False, kind="stable").head(k)
    shown = [SONG_ID, TITLE, ARTIST, GENRES, N_LISTENERS]
    return [dict(zip(shown, line, strict=True)) for line in best[shown].itertuples(index=False)]


def users(served: ServedState, text: str, k: int) -> Rows:
    """The k listeners with most songs whose id holds `text`, in any case: user_id, songs.

    Raises UserError where songs are served by their sound alone.
    """
    if served.by_sound:
        raise needs_plays(served, "listeners")
    ids, n_songs = served.listener_songs
    wanted = text.casefold()
    there = np.flatnonzero([wanted in name.casefold() for name in ids])
    best = there[np.argsort(-n_songs[there], kind="stable")][:k]
    return [{USER_ID: ids[row], "songs": int(n_songs[row])} for row in best]
