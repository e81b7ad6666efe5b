"""Which songs are held out: by the hash of an id, so that a new delivery never moves a song."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from earshot.params import Split

_HASHES = 2**64


def cold(song_ids: Iterable[str], artist_ids: Iterable[str], split: Split) -> NDArray[np.bool_]:
    """Whether each song is cold, that is, held out from the factorization.

    Parameters
    ----------
    song_ids, artist_ids
        (n,) each; an artist that is not known is `""`, the song then stands for it. Of songs that are one
        recording (`earshot.catalogue.recordings`) the id and the artist of the one that stands for it.
    split
        `by` song, artist, or mixed: either of the two hashes says so. One in
        `folds` is cold, in `fold` number `fold`.
    """
    return np.array(
        [_is_cold(song, artist, split) for song, artist in zip(song_ids, artist_ids, strict=True)],
        dtype=np.bool_,
    )


def validation(units: Iterable[str], share: float) -> NDArray[np.bool_]:
    """(n,) bool: whether each song serves early stopping, by a hash that has nothing to do with `cold`.

    `units` are what the split is by: songs, or artists, none of which is then learned from and stopped by.
    """
    limit = int(share * _HASHES)  # hashes are uniform below _HASHES
    return np.array([_hash(unit, "validation") < limit for unit in units], dtype=np.bool_)


def artist_or_song(song_ids: Iterable[str], artist_ids: Iterable[str]) -> list[str]:
    """The artist of every song, or the song itself where the artist, `""`, is not known."""
    return [artist or song for song, artist in zip(song_ids, artist_ids, strict=True)]


def parts(ids: Iterable[str], n: int, purpose: str) -> NDArray[np.int64]:
    """(n_ids,): into which of `n` parts each falls, by its hash; another `purpose`, other parts."""
    return np.array([_hash(name, purpose) % n for name in ids], dtype=np.int64)


def halves(artist_ids: Iterable[str], purpose: str) -> NDArray[np.bool_]:
    """(n,) bool: which half each artist falls into; another `purpose`, other halves."""
    return np.asarray(parts(artist_ids, 2, purpose) == 0)


def chosen(ids: Iterable[str], n: int, purpose: str) -> list[str]:
    """`n` of the songs or listeners, by a hash of their ids; another `purpose`, others."""
    return sorted(ids, key=lambda each: _hash(each, purpose))[:n]


def _is_cold(song_id: str, artist_id: str, split: Split) -> bool:
    hashed = {"song": [song_id], "artist": [artist_id or song_id], "mixed": [song_id, artist_id or song_id]}
    return any(_hash(name, "cold") % split.folds == split.fold for name in hashed[split.by])


def _hash(name: str, purpose: str) -> int:
    """An integer below 2**64, the same on every machine; `purpose` of at most 16 bytes."""
    digest = blake2b(name.encode(), digest_size=8, person=purpose.encode()).digest()
    return int.from_bytes(digest, "big")
