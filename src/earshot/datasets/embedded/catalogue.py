"""Which songs there are, what they are called, by whom, and who plays them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot import columns
from earshot.datasets.embedded import listeners, names
from earshot.datasets.embedded.randomness import digest, generator
from earshot.datasets.embedded.traits import Artist, Traits, draw_artist, draw_song, taste_coordinates

if TYPE_CHECKING:
    import pandas as pd


N_SONGS = 1000
N_ARTISTS = 150
N_LISTENERS = 2000
_NEW_BY_KNOWN, _NEW_BY_NEW, _NEW_ARTISTS = 20, 10, 3
_FIRST_OF_LARGER = 1_000_000
"""Number of the first song of a larger catalogue: none of them has the id of a song of the frozen one."""


@dataclass(frozen=True)
class MadeSong:
    """A song; its number decides everything about it."""

    number: int
    artist: Artist
    traits: Traits

    @property
    def song_id(self) -> str:
        """The letter s and 10 hexadecimal digits, a hash of the number."""
        return "s" + digest("song", self.number)[:10]

    @property
    def audio(self) -> str:
        """Where its sound lies inside a delivery."""
        return f"audio/{self.song_id}.mp3"


def catalogue_songs(n_songs: int = N_SONGS) -> list[MadeSong]:
    """The first `n_songs` songs, of which three in twenty are the first of an artist."""
    n_artists = max(1, n_songs * N_ARTISTS // N_SONGS)
    return [_song(number, _artist_of(number, n_artists)) for number in range(n_songs)]


def larger_catalogue(n_artists: int) -> tuple[list[MadeSong], int]:
    """Other songs by so many artists, and how many listeners: both in proportion as in the frozen catalogue.

    Artists whose numbers are below `N_ARTISTS` are those of the frozen catalogue; their songs are others.
    """
    songs = [
        _song(_FIRST_OF_LARGER + number, _artist_of(number, n_artists))
        for number in range(n_artists * N_SONGS // N_ARTISTS)
    ]
    return songs, n_artists * N_LISTENERS // N_ARTISTS


def new_songs() -> list[MadeSong]:
    """30 songs nobody has played: 20 by artists of the catalogue, 10 by three new ones."""
    numbers = range(N_SONGS, N_SONGS + _NEW_BY_KNOWN)
    by_known = [_song(number, _artist_of(number, N_ARTISTS)) for number in numbers]
    numbers = range(numbers.stop, numbers.stop + _NEW_BY_NEW)
    return by_known + [_song(number, N_ARTISTS + number % _NEW_ARTISTS) for number in numbers]


def true_traits(song_ids: Sequence[str]) -> NDArray[np.float64] | None:
    """What the program wrote into these songs, later ones among them; None where one is of other music.

    Returns
    -------
    (n, n_coordinates): `taste_coordinates`, each in its `LENGTH_SCALES`.
    """
    songs = {song.song_id: song for song in [*catalogue_songs(), *new_songs()]}
    if not songs.keys() >= set(song_ids):
        return None
    coordinates = np.array([taste_coordinates(songs[song_id].traits) for song_id in song_ids])
    return np.asarray(coordinates / listeners.LENGTH_SCALES)


def song_table(songs: Iterable[MadeSong]) -> pd.DataFrame:
    """`songs.csv`: ids, names, genre, tags and audio paths, sorted by id."""
    import pandas as pd

    return pd.DataFrame([_row(song) for song in songs]).sort_values(columns.SONG_ID, ignore_index=True)


def play_table(songs: Sequence[MadeSong], n_listeners: int = N_LISTENERS) -> pd.DataFrame:
    """`plays.csv`: who played what how often, sorted by ids."""
    import pandas as pd

    features = listeners.taste_features(np.array([taste_coordinates(song.traits) for song in songs]))
    renown = np.array([listeners.draw_renown(song.number) for song in songs])
    song_ids = np.array([song.song_id for song in songs])
    tables = []
    for number in range(n_listeners):
        played, counts = listeners.draw_plays(number, listeners.attraction(number, features, renown))
        user_id = "u" + digest("listener", number)[:10]
        content = {columns.USER_ID: user_id, columns.SONG_ID: song_ids[played], columns.PLAY_COUNT: counts}
        tables.append(pd.DataFrame(content))
    return pd.concat(tables).sort_values([columns.USER_ID, columns.SONG_ID], ignore_index=True)


def _song(number: int, artist_number: int) -> MadeSong:
    artist = draw_artist(artist_number)
    return MadeSong(number, artist, draw_song(artist, number))


def _artist_of(number: int, n_artists: int) -> int:
    """Each artist's first song comes first; then the busier ones are likelier."""
    if number < n_artists:
        return number
    return int(generator("song", number, "artist").choice(n_artists, p=_activity(n_artists)))


@cache
def _activity(n_artists: int) -> NDArray[np.float64]:
    """Each artist's share of the songs; they sum to 1."""
    activity = np.array([generator("artist", artist, "activity").gamma(2.0) for artist in range(n_artists)])
    return np.asarray(activity / activity.sum())


def _row(song: MadeSong) -> dict[str, str]:
    return {
        columns.SONG_ID: song.song_id,
        columns.ARTIST_ID: "a" + digest("artist", song.artist.number)[:10],
        columns.ARTIST: names.artist_name(song.artist.number),
        columns.TITLE: names.title(song.number),
        columns.GENRES: song.artist.style.genre,
        columns.TAGS: ";".join(names.tags(song.number, song.traits)),
        columns.AUDIO: song.audio,
    }
