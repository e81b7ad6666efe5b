"""What a listener asks for beside the list that is served, and which songs and whose taste that means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.columns import N_LISTENERS
from earshot.datasets.importing.names import match_key
from earshot.errors import UserError
from earshot.queries.choice import Choice, Wanted
from earshot.queries.sound_alone import needs_plays
from earshot.queries.state import ServedState


@dataclass(frozen=True)
class Wish:
    """What a listener asks for.

    Attributes
    ----------
    new
        Only songs that nobody has played.
    genre
        Only songs of a genre, in any case and with or without accents; None: of any.
    max_per_artist
        Songs of an artist, the best ones; None: as many as there are.
    beside
        Listeners who listen too: the list is for all of them (`blend`), and leaves out what any has played.
    less_famous
        Only songs with fewer listeners than the middle one of the songs that they have played.
    again_after
        Songs whose last play is more than so many days before the newest play of all may come again; None:
        what was played is left out for good.
    """

    new: bool = False
    genre: str | None = None
    max_per_artist: int | None = None
    beside: tuple[str, ...] = ()
    less_famous: bool = False
    again_after: int | None = None


ANYTHING = Wish()


@dataclass(frozen=True)
class Request:
    """A list that is asked for."""

    user: str
    k: int
    wish: Wish


def wanted_of(served: ServedState, vectors: NDArray[np.float32], choice: Choice, request: Request) -> Wanted:
    """What is asked of a choice of songs.

    Parameters
    ----------
    vectors
        (n_users, d), of the listeners that are served.

    Raises
    ------
    UserError
        A listener without plays, a genre that no song has, plays without dates where these are asked for.
    """
    wish, people = request.wish, list(dict.fromkeys([request.user, *request.wish.beside]))
    rows = [_row(served, user) for user in people]
    days = wish.again_after
    left_out = [served.words.left_out_by(user) for user in people]
    left_out += [
        served.played_by(user) if days is None else served.played_lately(user, days) for user in people
    ]
    vector = vectors[rows[0]] if len(rows) == 1 else blend(vectors[rows], choice.covariance)
    allowed = _allowed(served, people, wish)
    return Wanted(vector, np.unique(np.concatenate(left_out)), request.k, allowed, wish.max_per_artist)


def blend(vectors: NDArray[np.floating[Any]], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """One listener, (d,), whose scores are the mean of those of several, each divided by its deviation.

    Else who has the largest scores decides for all: listeners with many plays have longer vectors. It is the
    average strategy on normalized scores (Masthoff, Group recommender systems, 2011); a mean that is taken
    off each score moves no song.

    Parameters
    ----------
    vectors
        (n, d), the listeners'.
    covariance
        (d, d), of the songs that are to be ranked.

    Example
    -------
    >>> blend(np.array([[100.0, 0.0], [0.0, 1.0]]), np.eye(2))
    array([0.5, 0.5])
    """
    deviations = np.sqrt(np.einsum("nd,de,ne->n", vectors, covariance, vectors))
    mean: NDArray[np.float64] = (vectors / np.where(deviations > 0, deviations, 1.0)[:, None]).mean(axis=0)
    return mean


def unknown_listener(served: ServedState, user: str) -> UserError:
    """Of somebody who has no place."""
    if served.by_sound:
        return needs_plays(served, f"a list for user {user!r}")
    where = "data/play_counts/users.parquet"
    return UserError(f"user {user!r} has no plays in what is served; wanted one of {where}")


def none_left(wish: Wish) -> str:
    """Why a list is empty."""
    kind = " that nobody has played" if wish.new else ""
    famous = " less famous than what was played" if wish.less_famous else ""
    genre = "" if wish.genre is None else f" of the genre {wish.genre!r}"
    return f"no song{kind}{famous}{genre} is left to list"


def _row(served: ServedState, user: str) -> int:
    row = served.user_row(user)
    if row is None:
        raise unknown_listener(served, user)
    return row


def _allowed(served: ServedState, people: Sequence[str], wish: Wish) -> NDArray[np.bool_] | None:
    """(n_songs,); None where every song will do."""
    allowed = None if wish.genre is None else _of_genre(served, wish.genre)
    if wish.less_famous:
        n_listeners = served.columns[N_LISTENERS]
        played = np.unique(np.concatenate([served.played_by(user) for user in people]))
        little = n_listeners < np.median(n_listeners[played])
        allowed = little if allowed is None else allowed & little
    return allowed


def _of_genre(served: ServedState, genre: str) -> NDArray[np.bool_]:
    """(n_songs,). Raises UserError where no song that can be listed is of that genre."""
    by_name = served.by_genre
    found = by_name.get(match_key(genre))
    if found is None:
        known = sorted(name for name, _ in by_name.values())
        raise UserError(f"genre={genre!r} must be one of {', '.join(known) or 'none: no song names a genre'}")
    allowed = np.zeros(len(served.song_ids), dtype=bool)
    allowed[found[1]] = True
    return allowed
