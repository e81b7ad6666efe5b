"""A catalogue made by this program, with dates: listeners hear songs in sessions, each of one mood.

Every song has an artist, a mood and a place in a plane of taste, near its artist's; every listener a place
too. A session begins on some day at an hour that its listener likes. Its mood is that of the hour with
probability `mood_by_hour`, else any; its songs are of that mood, the nearer to the listener the likelier, and
are heard one after another, three to four minutes each. No sound is made: nothing here hears.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hybrids.params import MadeCatalogue

Ints = NDArray[np.int64]
MOODS = ("calm", "bright", "driving", "dark")
"""Of the night, the morning, the afternoon and the evening, six hours each from midnight."""
HOUR, DAY = 3600, 86_400
_SPREAD, _CHOOSY, _DAYS = 0.5, 2.0, 365


@dataclass(frozen=True)
class DatedPlays:
    """Plays in the order of their listeners, then of their dates.

    Attributes
    ----------
    users, songs, seconds, sessions
        (n_plays,): rows of listeners and songs, unix seconds, and the number of the session, from 0 in time
        for each listener.
    moods, artists
        (n_songs,): rows of `MOODS`, and numbers of artists.
    n_users
        Of all listeners.
    """

    users: Ints
    songs: Ints
    seconds: Ints
    sessions: Ints
    moods: Ints
    artists: Ints
    n_users: int

    def only(self, wanted: NDArray[np.bool_]) -> DatedPlays:
        """Some of the plays, (n_plays,)."""
        names = ("users", "songs", "seconds", "sessions")
        return replace(self, **{name: getattr(self, name)[wanted] for name in names})


def quarter_of(seconds: NDArray[np.integer]) -> Ints:
    """The quarter of the day, 0 from midnight, of unix seconds, (n,)."""
    return np.asarray(seconds % DAY // (6 * HOUR), dtype=np.int64)


def make_plays(settings: MadeCatalogue, seed: int) -> DatedPlays:
    """The plays of a year."""
    rng = np.random.default_rng(seed)
    artists = rng.integers(0, settings.artists, settings.songs)
    styles = rng.standard_normal((settings.artists, 2))
    places = styles[artists] + _SPREAD * rng.standard_normal((settings.songs, 2))
    moods = rng.integers(0, len(MOODS), settings.songs)
    parts: list[Ints] = []
    for user in range(settings.listeners):
        taste, usual = rng.standard_normal(2), rng.integers(0, 24)
        liking = np.exp(-_CHOOSY * np.square(places - taste).sum(axis=1) / 2)
        days = np.sort(rng.choice(_DAYS, settings.sessions, replace=False))
        for session, day in enumerate(days):
            begins = day * DAY + int(rng.normal(usual, 5) % 24 * HOUR)
            hour_says = rng.random() < settings.mood_by_hour
            mood = quarter_of(np.array([begins]))[0] if hour_says else rng.integers(0, len(MOODS))
            likely = liking * (moods == mood)
            there = int(np.count_nonzero(likely))
            if not there:
                continue
            n, p = min(settings.session_songs, there), likely / likely.sum()
            songs = rng.choice(settings.songs, size=n, replace=False, p=p)
            starts = begins + np.concatenate([[0], np.cumsum(rng.integers(180, 241, len(songs) - 1))])
            same = np.ones(len(songs), dtype=np.int64)
            parts.append(np.stack([user * same, songs, starts, session * same]))
    users, songs, seconds, sessions = np.concatenate(parts, axis=1)
    return DatedPlays(users, songs, seconds, sessions, moods, artists, settings.listeners)
