"""The questions. An answer is a list of rows, best first, each of which names its release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earshot.arrays import is_among, positions_of
from earshot.columns import (
    ARTIST,
    ARTIST_ID,
    BY,
    COLD,
    GENRES,
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

if TYPE_CHECKING:
    from scipy.sparse import csr_array

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


@dataclass(frozen=True)
class Wish:
    """What a listener asks for beside the list that is served.

    Attributes
    ----------
    new
        Only songs that nobody has played.
    genre
        Only songs of a genre, in any case and with or without accents; None: of any.
    max_per_artist
        Songs of an artist, the best ones; None: as many as there are.
    """

    new: bool = False
    genre: str | None = None
    max_per_artist: int | None = None


ANYTHING = Wish()


def recommend_among(served: ServedState, user: str, k: int, wish: Wish) -> Rows:
    """The k best songs for a listener of those that he or she has not played and that are wished for.

    By score alone, whatever rules the lists keep to; withdrawn and held back songs are left out as there.
    Columns as of `recommend`. Raises UserError for somebody without plays, or where no song is left.
    """
    from earshot.recommend.list_rules import number_artists
    from earshot.recommend.ranking import ArtistCap, rank_songs

    rows = np.flatnonzero(served.user_ids == user)
    if not len(rows):
        raise _unknown(user)
    # the songs that the lists were made of
    listed = served.table("recommendations", "ranked/items.parquet")[SONG_ID].to_numpy(dtype=object)
    new = ~is_among(listed, served.table("play_counts", "items.parquet")[SONG_ID])
    allowed = _wished(served, listed, wish) & (new if wish.new else True)
    if not allowed.any():
        raise UserError(f"user {user!r}: {_none_left(wish)}")
    cap = None
    if wish.max_per_artist is not None:
        artists = served.catalogue[ARTIST_ID].reindex(listed).fillna("").to_numpy(dtype=object)
        cap = ArtistCap(number_artists(artists, listed), wish.max_per_artist)
    places = positions_of(served.song_ids, listed)
    played = _played_by(served, user, listed)
    (best,) = rank_songs(
        served.vectors("user_factors.npy")[rows[:1]],
        served.vectors("item_factors.npy")[places],
        played,
        allowed,
        k,
        cap,
    )
    if not len(best.items):
        raise UserError(f"user {user!r}: {_none_left(wish)}")
    return [
        {
            RANK: rank,
            **_named(served, listed[song]),
            COLD: bool(new[song]),
            SCORE: float(score),
            NOTE: _note(served, listed[song]),
            RELEASE: served.release,
        }
        for rank, (song, score) in enumerate(zip(best.items, best.scores, strict=True), start=1)
    ]


def _wished(served: ServedState, listed: NDArray[np.object_], wish: Wish) -> NDArray[np.bool_]:
    """(n_listed,): songs of the genre that is wished for. Raises UserError where no song has it."""
    from earshot.datasets.importing.names import match_key

    if wish.genre is None:
        return np.ones(len(listed), dtype=bool)
    wanted = match_key(wish.genre)
    genres = served.catalogue[GENRES].reindex(listed).fillna("")
    by_song = [[name.strip() for name in names.split(";")] for names in genres]
    known = sorted({name for names in by_song for name in names} - {""})
    if wanted not in map(match_key, known):
        raise UserError(
            f"genre={wish.genre!r} must be one of {', '.join(known) or 'none: no song names a genre'}"
        )
    return np.array([wanted in map(match_key, names) for names in by_song], dtype=bool)


def _none_left(wish: Wish) -> str:
    kind = " that nobody has played" if wish.new else ""
    genre = "" if wish.genre is None else f" of the genre {wish.genre!r}"
    return f"no song{kind}{genre} is left to list"


def _played_by(served: ServedState, user: str, listed: NDArray[np.object_]) -> csr_array:
    """(1, n_listed): an entry where the listener has played the song."""
    from scipy.sparse import csr_array

    users = served.table("play_counts", "users.parquet")[USER_ID]
    row = int(users.index[users == user][0])
    plays = served.table("play_counts", "plays.parquet", filters=[(USER, "==", row)])
    heard = served.table("play_counts", "items.parquet")[SONG_ID].to_numpy(dtype=object)[plays[ITEM]]
    return csr_array(is_among(listed, heard)[None].astype(np.float32))


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
