"""What an encoder hears of a song: windows of its image, and of what else is stored of it.

A song is cut into consecutive windows to be encoded whole; to be learned from, windows are drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from earshot.columns import N_FRAMES, SONG_ID
from earshot.errors import UserError
from earshot.predictors.artist_vectors import ARTIST, ArtistVectors
from earshot.store.families import WORDS, multi_hot
from earshot.store.reader import HyperImageStore

Batch = tuple[NDArray[Any], ...]
"""Of n windows: uint8 (n, n_frames, all rows) of the image; then of each family beside it that is heard
float32 (n, width) of a song, or of its own dtype (n, n_frames, width)."""
_Text = Annotated[str, Field(max_length=500)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Beside:
    """A family beside the image that an encoder hears, as `StoredFamily`.

    Attributes
    ----------
    width
        Numbers in a line; of words, how many of them the encoder knows.
    words
        Which; they give the order of the numbers. None of a family of numbers.
    scaled
        Whether the encoder brings the vectors of songs to one scale (`SongScale`); older ones do not.
    """

    name: _Text
    key: _Text
    unit: Literal["frame", "song"]
    width: Annotated[int, Field(ge=1, le=1_000_000)]
    words: Annotated[list[_Text], Field(max_length=1_000_000)]
    scaled: bool = False


def beside(
    store: HyperImageStore, name: str, songs: NDArray[np.integer[Any]], artists: ArtistVectors | None = None
) -> Beside:
    """The family `name` of `store`, with the words of the songs learned from, positions (n,).

    Raises UserError where it is not stored, or has no words of any of them; ValueError for the family
    `artist` without the vectors of `artists`.
    """
    family = store.family(name)
    if name == ARTIST:
        if artists is None:
            raise ValueError("artists: wanted the vectors of artists")
        return Beside(family.name, family.key, family.unit, artists.width, [])
    scaled = family.unit == "song"
    if family.dtype != WORDS:
        return Beside(family.name, family.key, family.unit, family.width, [], scaled)
    words = sorted({word for some in store.words(name, songs) for word in some})
    if not words:
        raise UserError(
            f"{store.folder}: family {name!r}: nothing is said of the {len(songs)} songs to learn from"
        )
    return Beside(family.name, family.key, family.unit, len(words), words, scaled)


def read_windows(
    store: HyperImageStore,
    others: Sequence[Beside],
    positions: NDArray[np.integer[Any]],
    first_frames: NDArray[np.int64],
    n_frames: int,
    artists: ArtistVectors | None = None,
) -> Batch:
    """A window of each song, of the image and of `others`; `positions` and `first_frames` are (n,).

    The family `artist` is read out of `artists`. Raises UserError as `HyperImageStore.windows`, and for a
    family that is not stored.
    """
    lines = (
        store.windows(positions, first_frames, n_frames, each.name)
        if each.unit == "frame"
        else of_songs(store, each, positions, artists)
        for each in others
    )
    return store.windows(positions, first_frames, n_frames), *lines


def of_songs(
    store: HyperImageStore,
    other: Beside,
    positions: NDArray[np.integer[Any]],
    artists: ArtistVectors | None = None,
) -> NDArray[np.float32]:
    """What a family of unit `song` says of songs, float32 (n, width); zeros of one it does not know."""
    if other.name == ARTIST:
        assert artists is not None  # `beside` has seen to it
        song_ids = store.songs[SONG_ID].to_numpy(dtype=object)[positions]
        return artists.of(song_ids, store.words(other.name, positions))
    if other.words:
        return multi_hot(store.words(other.name, positions), other.words)
    return store.vectors(other.name, positions)


def consecutive(n_frames: int, window: int) -> NDArray[np.int64]:
    """First frames of as few windows as cover a song, evenly spaced, the last one ending where the song does.

    Example
    -------
    >>> consecutive(10, 5), consecutive(10, 4), consecutive(3, 5)
    (array([0, 5]), array([0, 3, 6]), array([0]))
    """
    count = max(1, -(-n_frames // window))  # rounded up
    return np.rint(np.linspace(0, max(0, n_frames - window), count)).astype(np.int64)


def read_songs(
    store: HyperImageStore,
    others: Sequence[Beside],
    positions: Sequence[int],
    window: int,
    artists: ArtistVectors | None = None,
) -> tuple[Batch, NDArray[np.int64]]:
    """All consecutive windows of some songs; `artists` as in `read_windows`.

    Returns
    -------
    windows
        Of `window` frames, as of `read_windows`.
    owners
        Place in `positions` of the song of each window, (n_windows,).
    """
    n_frames = store.songs[N_FRAMES].to_numpy()
    starts = [consecutive(int(n_frames[position]), window) for position in positions]
    # 0, 0, 0, 1, 1, ...: the place of a song for each of its windows
    owners = np.repeat(np.arange(len(positions)), [len(some) for some in starts])
    firsts = np.concatenate(starts)
    return read_windows(store, others, np.asarray(positions)[owners], firsts, window, artists), owners


def average_matrix(owners: NDArray[np.int64], n_songs: int) -> torch.Tensor:
    """float32 (n_songs, n_windows) that takes window vectors to the mean of each song."""
    # (n_songs, n_windows): 1 where the window is of the song
    member = (np.arange(n_songs)[:, None] == owners[None, :]).astype(np.float32)
    return torch.from_numpy(member / member.sum(axis=1, keepdims=True))


def draw_starts(n_frames: NDArray[np.int64], window: int, draw: np.random.Generator) -> NDArray[np.int64]:
    """A first frame for each of some songs, int64 (n,), any place where a window fits being as likely.

    Parameters
    ----------
    n_frames
        Lengths of the songs, (n,); one that is shorter than the window starts at 0.
    window
        Frames of a window.
    """
    return draw.integers(0, np.maximum(n_frames - window, 0), endpoint=True)
