"""All songs in two dimensions, near where they sound alike to the encoder, coloured by genre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from earshot.columns import ARTIST, COLD, GENRES, SONG_ID, TITLE
from earshot.pages.render import render

COLOURS = 9
"""Genres with a colour of their own; the others share a grey."""


def first_genre(songs: pd.DataFrame) -> pd.Series:
    """The first of `;`-separated genres; "" where there is none."""
    return songs[GENRES].fillna("").str.split(";").str[0].str.strip()


def colour_classes(genres: Collection[str]) -> dict[str, str]:
    """Class of every genre: the most frequent have colours `g0`..., the others and "" share `other`."""
    counted = Counter(genre for genre in genres if genre)
    by_count = sorted(counted, key=lambda genre: (-counted[genre], genre))
    classes = {genre: f"g{place}" if place < COLOURS else "other" for place, genre in enumerate(by_count)}
    return classes | {"": "other"}


class Dot(NamedTuple):
    """A song of the map: classes of page.css, where it lies, what is said of it, and whether it plays."""

    song_id: str
    kind: str
    x: str
    y: str
    caption: str
    plays: bool


def draw_map(songs: pd.DataFrame, positions: NDArray[np.float64], playable: Collection[str]) -> Markup:
    """The map with its key; a song's title appears over it, and it plays when clicked if it is `playable`.

    `positions` are `(n, 2)` in per cent of the map, a row for each of `songs`, as
    `earshot.evaluation.song_map.lay_out` gives them.
    """
    genres = first_genre(songs)
    classes = colour_classes(genres.tolist())
    titles = songs[TITLE].fillna("").where(songs[TITLE].fillna("") != "", songs[SONG_ID])
    dots = [
        Dot(
            song_id,
            f"{classes[genre]}{' cold' if cold else ''}",
            f"{x:.2f}%",
            f"{y:.2f}%",
            " · ".join(part for part in (title, artist, genre) if part),
            song_id in playable,
        )
        for song_id, (x, y), cold, title, artist, genre in zip(
            songs[SONG_ID], positions, songs[COLD], titles, songs[ARTIST].fillna(""), genres, strict=True
        )
    ]
    return render("map.html", dots=dots, key=colour_key(genres.tolist()))


def colour_key(genres: Collection[str]) -> list[tuple[str, str]]:
    """Class and name of what a colour stands for, a genre each and then all the others."""
    classes = colour_classes(genres)
    key = [(name, genre) for genre, name in classes.items() if genre and name != "other"]
    others = any(classes[genre] == "other" for genre in genres)
    return [*key, ("other", "other or none")] if others else key
