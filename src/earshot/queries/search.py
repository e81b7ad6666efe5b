"""Finding songs and listeners by what a person remembers of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from earshot.columns import (
    ARTIST,
    GENRES,
    ITEM,
    N_LISTENERS,
    SONG_ID,
    TITLE,
    USER,
    USER_ID,
    WITHDRAWN,
)
from earshot.datasets.importing.names import match_key
from earshot.queries.state import ServedState

Rows = list[dict[str, Any]]


def songs(served: ServedState, text: str, k: int) -> Rows:
    """The k songs with most listeners of which id, title, artist or genres hold every word of `text`.

    Without regard to case, accents and punctuation; withdrawn songs are left out. Columns: song_id, title,
    artist, genres, n_listeners.
    """
    columns = [SONG_ID, TITLE, ARTIST, GENRES, WITHDRAWN]
    known = served.table("raw_audio", "songs.parquet", columns=columns)
    known = known[~known[WITHDRAWN]].fillna("")
    # words may stand in any of them, but not begin in one and end in the next
    texts = ["\n".join(map(match_key, line)) for line in known[[SONG_ID, TITLE, ARTIST, GENRES]].to_numpy()]
    words = [match_key(word) for word in text.split()]
    found = known[[all(word in line for word in words) for line in texts]]
    heard = served.songs[N_LISTENERS].reindex(found[SONG_ID]).fillna(0).astype(int).to_numpy()
    best = found.assign(**{N_LISTENERS: heard}).sort_values(N_LISTENERS, ascending=False, kind="stable")
    shown = [SONG_ID, TITLE, ARTIST, GENRES, N_LISTENERS]
    return [dict(zip(shown, line, strict=True)) for line in best.head(k)[shown].itertuples(index=False)]


def users(served: ServedState, text: str, k: int) -> Rows:
    """The k listeners with most songs whose id holds `text`, in any case: user_id, songs."""
    ids = served.table("play_counts", "users.parquet")[USER_ID]
    plays = served.table("play_counts", "plays.parquet", columns=[USER, ITEM])
    n_songs = np.bincount(plays[USER], minlength=len(ids))
    there = np.flatnonzero([text.casefold() in name.casefold() for name in ids])
    best = there[np.argsort(-n_songs[there], kind="stable")][:k]
    return [{USER_ID: ids[row], "songs": int(n_songs[row])} for row in best]
