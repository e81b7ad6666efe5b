"""The questions. An answer is a list of rows, best first, each of which names its release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import (
    ARTIST,
    BY,
    COLD,
    HEARD,
    N_LISTENERS,
    NOTE,
    RANK,
    RELEASE,
    SCORE,
    SONG_ID,
    TITLE,
    UNLIKE,
    USER_ID,
)
from earshot.errors import UserError
from earshot.queries.choice import Wanted
from earshot.queries.screening import Asked
from earshot.queries.sound_alone import needs_plays
from earshot.queries.state import ServedState
from earshot.queries.wishes import Request, Wish, none_left, unknown_listener, wanted_of
from earshot.recommend.similar import unit
from earshot.spaces.placing import Placed

Rows = list[dict[str, Any]]
UNLIKE_ANYTHING = "unlike anything trained on"
"""Told of a song whose predicted place is drawn to the mean (`earshot.predictors.familiar`)."""
SOUND, PLAYS, BOTH = "sound", "plays", "sound and plays"


def recommend(served: ServedState, user: str, k: int) -> Rows:
    """The k best of a listener's list: rank, song_id, title, artist, cold, score, note, release.

    Raises UserError for somebody without plays, or to whom nothing is left to recommend.
    """
    listed = served.list_of(user)
    if not len(listed.rows):
        if served.user_row(user) is not None:
            raise UserError(f"user {user!r} has played every song: none is left to recommend")
        raise unknown_listener(served, user)
    return _list(served, listed.rows[:k], listed.scores, listed.cold)


def _list(
    served: ServedState, rows: NDArray[np.int64], scores: NDArray[np.float32], new: NDArray[np.bool_]
) -> Rows:
    """`scores` and `new` are of the songs `rows`, in their order, or of more that come behind them."""
    return [
        {
            RANK: rank,
            **named(served, row),
            COLD: bool(cold),
            SCORE: float(score),
            NOTE: note_of(served, row),
            RELEASE: served.release,
        }
        for rank, (row, score, cold) in enumerate(zip(rows.tolist(), scores, new, strict=False), start=1)
    ]


def recommend_among(served: ServedState, user: str, k: int, wish: Wish) -> Rows:
    """The k best songs for a listener of those that he or she has not played and that are wished for.

    By score alone, whatever rules the lists keep to; withdrawn and held back songs are left out as there.
    Columns as of `recommend`. Raises UserError for somebody without plays, or where no song is left.
    """
    (answer,) = recommend_together(served, [Request(user, k, wish)])
    if isinstance(answer, UserError):
        raise answer
    return answer


def recommend_together(served: ServedState, requests: Sequence[Request]) -> list[Rows | UserError]:
    """As `recommend_among`, for several at once, which takes less time than one after another."""
    answers: list[Rows | UserError | None] = [None] * len(requests)
    vectors = served.vectors("user_factors.npy")
    for new in (False, True):
        choice = served.new_songs if new else served.choice
        places, wanted = [], []
        for place, request in enumerate(requests):
            if request.wish.new != new:
                continue
            try:
                wanted.append(wanted_of(served, vectors, choice, request))
                places.append(place)
            except UserError as error:
                answers[place] = error
        for place, ranked in zip(places, choice.best(wanted) if wanted else [], strict=True):
            rows, request = ranked.items, requests[place]
            nothing = UserError(f"user {request.user!r}: {none_left(request.wish)}")
            made = _list(served, rows, ranked.scores, served.is_new[rows])
            answers[place] = made or nothing
    return [answer for answer in answers if answer is not None]


def recommend_to_somebody(
    served: ServedState, songs: Sequence[str], k: int, heard: NDArray[np.float32] | None = None
) -> Rows:
    """The k best songs for somebody who is known by a few songs alone, each as if played once.

    The row solve of a listener whom the release does not know; columns as of `recommend`, `(n_listed,)`. One
    of the songs may be no served one, but a sound that was `heard`, by its factors (d,). Raises UserError for
    a song that is not served.
    """
    rows = np.unique(np.array([_row(served, song) for song in songs], dtype=np.int64))
    vector = fold_in(served, rows, heard)
    (ranked,) = served.choice.best([Wanted(vector, rows, k)])
    return _list(served, ranked.items, ranked.scores, served.is_new[ranked.items])


def fold_in(
    served: ServedState, rows: NDArray[np.int64], heard: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Where a listener would be who has played the songs `rows`, (n,), and what was `heard` once each, (d,).

    Listeners are held against songs with plays; songs of theirs that nobody else has played count here too,
    and so does a sound that was heard, by its factors (d,).
    """
    from scipy.sparse import csr_array

    from earshot.catalogue.play_counts import PlayCounts

    held = np.union1d(np.flatnonzero(served.columns[N_LISTENERS]), rows)
    nothing = np.array([""], dtype=object)  # no delivery can name a song or a listener so
    ids, vectors = served.song_ids[held], served.vectors("item_factors.npy")[held]
    played = np.isin(held, rows)
    if heard is not None:
        ids, vectors = np.append(ids, nothing), np.vstack([vectors, heard])
        played = np.append(played, True)
    plays = csr_array(played[None].astype(np.float32))
    placed = served.space.place_listeners(PlayCounts(nothing, ids, plays), Placed(ids, vectors))
    vector: NDArray[np.float32] = placed.vectors[0]
    return vector


def similar(served: ServedState, song: str, k: int, csls: bool = False) -> Rows:
    """The k songs nearest to a song, or to an audio file: song_id, title, artist, cosine, by, note, release.

    Withdrawn songs are left out; so are, beside a song whose place is made of its sound alone,
    songs without a sound, unless too few are left: those of a single listener all lie in that
    listener's direction. `csls` puts songs that are near to everything further back.
    Raises UserError for what is neither a served song nor a file.
    """
    row = served.song_row(song)
    if row is None:
        return near(served, _heard(served, song), k, csls)
    return near(served, served.vectors("item_factors.npy")[row], k, csls, [row])


def similar_to(served: ServedState, songs: Sequence[str], k: int, csls: bool = False) -> Rows:
    """The k songs nearest to the mean direction of some songs, which are left out; otherwise as `similar`.

    Raises UserError for a song that is not served.
    """
    rows = [_row(served, song) for song in songs]
    return near(served, unit(served.vectors("item_factors.npy")[rows]).mean(axis=0), k, csls, rows)


def _row(served: ServedState, song: str) -> int:
    row = served.song_row(song)
    if row is None:
        raise UserError(f"song {song!r} is not served; wanted one of {served.songs_at}")
    return row


def near(
    served: ServedState,
    vector: NDArray[np.floating[Any]],
    k: int,
    csls: bool = False,
    songs: Sequence[int] = (),
) -> Rows:
    """The k songs nearest to a vector, `(d,)`; otherwise as `similar`.

    `songs` are rows of those that the vector is of, which are left out; none where it is that of a sound.
    """
    allowed = served.is_listed.copy()
    allowed[list(songs)] = False
    by_sound = all(_made_of(served, row) == SOUND for row in songs)
    if by_sound and (allowed & served.columns[HEARD]).sum() >= k:
        allowed &= served.columns[HEARD]
    rows, cosines = served.nearest(vector, k, allowed, csls)
    return [
        {
            **named(served, row),
            "cosine": float(cosine),
            BY: _made_of(served, row),
            NOTE: note_of(served, row),
            RELEASE: served.release,
        }
        for row, cosine in zip(rows.tolist(), cosines, strict=True)
    ]


def _made_of(served: ServedState, row: int) -> str:
    """What the place of a song is made of."""
    if not served.columns[N_LISTENERS][row]:
        return SOUND
    return BOTH if served.columns[HEARD][row] else PLAYS


def note_of(served: ServedState, row: int) -> str:
    return UNLIKE_ANYTHING if served.columns[UNLIKE][row] else ""


def listeners(served: ServedState, song: str, k: int) -> Rows:
    """The k listeners who would like a song best and have not played it: user_id, score, release.

    Raises UserError for a song that is not served, and where songs are served by their sound alone.
    """
    if served.by_sound:
        raise needs_plays(served, f"listeners of song {song!r}")
    vector = served.vectors("item_factors.npy")[_row(served, song)]
    left_out = np.union1d(served.listeners_of(song), served.words.without(song))
    (best,) = served.everybody.best([Asked(vector, left_out, k)])
    found = zip(served.user_ids[best.items], best.scores, strict=True)
    return [{USER_ID: user, SCORE: float(score), RELEASE: served.release} for user, score in found]


def _heard(served: ServedState, song: str) -> NDArray[np.float32]:
    from earshot.queries.hearing import hear

    if (served.root / song).is_file():
        return hear(served, served.root / song)
    raise UserError(
        f"{song!r} is neither a song_id of {served.songs_at} nor a file: there is no {served.root / song}"
    )


def named(served: ServedState, row: int) -> dict[str, str | None]:
    """song_id, title and artist; null where no delivery gave them."""
    title, artist = served.columns[TITLE][row], served.columns[ARTIST][row]
    return {SONG_ID: served.song_ids[row], TITLE: title or None, ARTIST: artist or None}
