"""The questions. An answer is a list of rows, best first, each of which names its release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among, positions_of
from earshot.columns import (
    ARTIST,
    BY,
    COLD,
    HEARD,
    ITEM,
    N_LISTENERS,
    NOTE,
    RANK,
    RELEASE,
    SCORE,
    SONG_ID,
    TITLE,
    UNLIKE,
    USER,
    USER_ID,
    WITHDRAWN,
)
from earshot.errors import UserError
from earshot.queries.state import ServedState

Rows = list[dict[str, Any]]
UNLIKE_ANYTHING = "unlike anything trained on"
"""Told of a song whose predicted place is drawn to the mean (`earshot.predictors.familiar`)."""
SOUND, PLAYS, BOTH = "sound", "plays", "sound and plays"


def recommend(served: ServedState, user: str, k: int) -> Rows:
    """The k best of a listener's list: rank, song_id, title, artist, cold, score, note, release.

    Raises UserError for somebody without plays, or to whom nothing is left to recommend.
    """
    listed = served.table("recommendations", "recommendations.parquet", filters=[(USER_ID, "==", user)])
    if listed.empty:
        if user in served.user_ids:
            raise UserError(f"user {user!r} has played every song: none is left to recommend")
        raise _unknown(user)
    best = listed.sort_values(RANK).head(k)[[RANK, SONG_ID, COLD, SCORE, RELEASE]]
    return [
        {
            RANK: rank,
            **_named(served, song),
            COLD: cold,
            SCORE: score,
            NOTE: _note(served, song),
            RELEASE: release,
        }
        for rank, song, cold, score, release in best.itertuples(index=False)
    ]


def _unknown(user: str) -> UserError:
    where = "data/play_counts/users.parquet"
    return UserError(f"user {user!r} has no plays in what is served; wanted one of {where}")


def recommend_new(served: ServedState, user: str, k: int) -> Rows:
    """The k best songs for a listener of those that nobody has played; columns as of `recommend`.

    By score alone, whatever rules the lists keep to; withdrawn and held back songs are left out as there.
    Raises UserError for somebody without plays, or where every song has been played.
    """
    from earshot.recommend.ranking import best_of_rows

    rows = np.flatnonzero(served.user_ids == user)
    if not len(rows):
        raise _unknown(user)
    # the songs that the lists were made of
    listed = served.table("recommendations", "ranked/items.parquet")[SONG_ID]
    new = listed[~is_among(listed, served.table("play_counts", "items.parquet")[SONG_ID])].tolist()
    if not new:
        raise UserError(f"user {user!r}: somebody has played every song there is to list: none is new")
    places = positions_of(served.song_ids, new)
    # summed in float64 and rounded, as in the lists
    vector = served.vectors("user_factors.npy")[rows[0]].astype(np.float64)
    scores = (served.vectors("item_factors.npy")[places].astype(np.float64) @ vector).astype(np.float32)
    best = best_of_rows(scores[None], k)
    return [
        {
            RANK: int(rank),
            **_named(served, new[song]),
            COLD: True,
            SCORE: float(score),
            NOTE: _note(served, new[song]),
            RELEASE: served.release,
        }
        for rank, song, score in zip(best.ranks, best.items, best.scores, strict=True)
    ]


def similar(served: ServedState, song: str, k: int, csls: bool = False) -> Rows:
    """The k songs nearest to a song, or to an audio file: song_id, title, artist, cosine, by, note, release.

    Withdrawn songs are left out; so are, beside a song whose place is made of its sound alone,
    songs without a sound, unless too few are left: those of a single listener all lie in that
    listener's direction. `csls` puts songs that are near to everything further back.
    Raises UserError for what is neither a served song nor a file.
    """
    from earshot.recommend.similar import crowding, similar_songs

    vectors, listed = served.vectors("item_factors.npy"), _listed(served)
    vector = _vector(served, vectors, song)
    with_audio = listed & served.songs[HEARD].to_numpy()
    if _made_of(served, song) == SOUND and with_audio.sum() > k:
        listed = with_audio
    vectors = vectors[listed]
    # one more than asked for: the song itself may be among them
    near, cosines = similar_songs(vectors, vector, k + 1, crowding(vectors) if csls else None)
    found = zip(served.song_ids[listed][near], cosines, strict=True)
    others = [(other, float(cosine)) for other, cosine in found if other != song]
    return [
        {
            **_named(served, other),
            "cosine": cosine,
            BY: _made_of(served, other),
            NOTE: _note(served, other),
            RELEASE: served.release,
        }
        for other, cosine in others[:k]
    ]


def _made_of(served: ServedState, song: str) -> str:
    """What the place of a served song, or of a file, is made of."""
    if song not in served.songs.index or not served.songs.at[song, N_LISTENERS]:
        return SOUND
    return BOTH if served.songs.at[song, HEARD] else PLAYS


def _note(served: ServedState, song: str) -> str:
    return UNLIKE_ANYTHING if served.songs[UNLIKE].get(song, False) else ""


def listeners(served: ServedState, song: str, k: int) -> Rows:
    """The k listeners who would like a song best and have not played it: user_id, score, release."""
    from earshot.recommend.ranking import best_of_rows

    row = _row(served, song)
    if row is None:
        raise UserError(f"song {song!r} is not served; wanted one of {served.songs_at}")
    users = served.vectors("user_factors.npy").astype(np.float64)
    # summed in float64 and rounded, as in the lists
    scores = (users @ served.vectors("item_factors.npy")[row].astype(np.float64)).astype(np.float32)
    scores[np.isin(served.user_ids, _who_played(served, song))] = -np.inf
    best = best_of_rows(scores[None], k)
    found = zip(served.user_ids[best.items], best.scores, strict=True)
    return [{USER_ID: user, SCORE: float(score), RELEASE: served.release} for user, score in found]


def _vector(served: ServedState, vectors: NDArray[np.float32], song: str) -> NDArray[np.float32]:
    from earshot.queries.hearing import hear

    row = _row(served, song)
    if row is not None:
        return np.asarray(vectors[row])
    if (served.root / song).is_file():
        return hear(served, served.root / song)
    raise UserError(
        f"{song!r} is neither a song_id of {served.songs_at} nor a file: there is no {served.root / song}"
    )


def _row(served: ServedState, song: str) -> int | None:
    found = np.flatnonzero(served.song_ids == song)
    return int(found[0]) if len(found) else None


def _listed(served: ServedState) -> NDArray[np.bool_]:
    """(n_songs,): those that are not withdrawn."""
    catalogue = served.catalogue
    return np.isin(served.song_ids, catalogue.index[~catalogue[WITHDRAWN]].to_numpy(dtype=object))


def _who_played(served: ServedState, song: str) -> Sequence[str]:
    items = served.table("play_counts", "items.parquet")[SONG_ID]
    places = items.index[items == song]
    if places.empty:
        return []
    plays = served.table("play_counts", "plays.parquet", filters=[(ITEM, "==", int(places[0]))])
    users = served.table("play_counts", "users.parquet")[USER_ID]
    return users[plays[USER]].tolist()


def _named(served: ServedState, song_id: str) -> dict[str, str | None]:
    """song_id, title and artist; null where no delivery gave them."""
    song = served.catalogue.loc[song_id]
    return {SONG_ID: song_id, TITLE: song[TITLE] or None, ARTIST: song[ARTIST] or None}
