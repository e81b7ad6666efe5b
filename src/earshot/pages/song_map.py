"""All songs in two dimensions, near where they sound alike to the encoder, coloured by genre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from earshot.columns import ARTIST, COLD, GENRES, SONG_ID, TITLE
from earshot.pages.elements import text

COLOURS = 9
"""Genres with a colour of their own; the others share a grey."""

_ENOUGH_FOR_TSNE = 50
_MARGIN = 3.0


def lay_out(vectors: NDArray[np.floating], seed: int) -> NDArray[np.float64]:
    """`(n, 2)` positions in per cent of the map, of `(n, d)` vectors by their directions.

    t-SNE (van der Maaten and Hinton, 2008) from the principal components, on one
    thread so that the same vectors always give the same map; the principal
    components alone where songs are few.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    directions = np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float64)
    with threadpool_limits(1):
        flat = _principal_plane(directions)
        if len(vectors) >= _ENOUGH_FOR_TSNE and flat.std() > 0:
            start = flat / flat[:, 0].std() * 1e-4  # as sklearn scales its own `init='pca'`
            flat = TSNE(init=start, perplexity=30, random_state=seed, n_jobs=1).fit_transform(directions)
    low, high = flat.min(axis=0), flat.max(axis=0)
    spread = np.where(high > low, high - low, 1)
    return np.asarray(_MARGIN + (100 - 2 * _MARGIN) * (flat - low) / spread, dtype=np.float64)


def _principal_plane(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two principal components, `(n, 2)`, each with its largest entry positive."""
    centred = directions - directions.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    plane = np.zeros((len(directions), 2))
    found = left[:, :2] * singular[:2]  # U S: coordinates on the components
    plane[:, : found.shape[1]] = found
    signs = np.sign(plane[np.abs(plane).argmax(axis=0), [0, 1]])  # an SVD leaves signs open
    return np.asarray(plane * np.where(signs == 0, 1, signs), dtype=np.float64)


def first_genre(songs: pd.DataFrame) -> pd.Series:
    """The first of `;`-separated genres; "" where there is none."""
    return songs[GENRES].fillna("").str.split(";").str[0].str.strip()


def colour_classes(genres: Collection[str]) -> dict[str, str]:
    """Class of every genre: the most frequent have colours `g0`..., the others and "" share `other`."""
    counted = Counter(genre for genre in genres if genre)
    by_count = sorted(counted, key=lambda genre: (-counted[genre], genre))
    classes = {genre: f"g{place}" if place < COLOURS else "other" for place, genre in enumerate(by_count)}
    return classes | {"": "other"}


def draw_map(songs: pd.DataFrame, positions: NDArray[np.float64], playable: Collection[str]) -> str:
    """The map with its key; a song's title appears over it, and it plays when clicked if it is `playable`.

    `positions` are `(n, 2)` in per cent of the map, as `lay_out` gives them, a row for each of `songs`.
    """
    genres = first_genre(songs)
    classes = colour_classes(genres.tolist())
    titles = songs[TITLE].fillna("").where(songs[TITLE].fillna("") != "", songs[SONG_ID])
    dots = [
        _dot(
            song_id,
            (x, y),
            f"{classes[genre]}{' cold' if cold else ''}",
            _caption(title, artist, genre),
            playable,
        )
        for song_id, (x, y), cold, title, artist, genre in zip(
            songs[SONG_ID], positions, songs[COLD], titles, songs[ARTIST].fillna(""), genres, strict=True
        )
    ]
    shown = [genre for genre, name in classes.items() if genre and name != "other"]
    keys = [
        f'<li><button class="{classes[g]}" data-only="{classes[g]}">{text(g)}</button></li>' for g in shown
    ]
    if "other" in {classes[genre] for genre in genres}:
        keys.append('<li><button class="other" data-only="other">other or none</button></li>')
    return (
        f'<figure class="map"><ul class="genres">{"".join(keys)}</ul>'
        f'<div class="sky"><svg role="img" aria-label="Map of songs">{"".join(dots)}</svg>'
        '<output class="tip" hidden></output></div></figure>'
    )


def _caption(title: str, artist: str, genre: str) -> str:
    return " · ".join(part for part in (title, artist, genre) if part)


def _dot(song_id: str, place: tuple[float, float], kind: str, caption: str, playable: Collection[str]) -> str:
    sound = f' data-sound="{text(song_id)}"' if song_id in playable else ""
    radius = 6 if sound else 3.4
    return (
        f'<circle class="{kind}" cx="{place[0]:.2f}%" cy="{place[1]:.2f}%" r="{radius}"{sound}>'
        f"<title>{text(caption)}</title></circle>"
    )
