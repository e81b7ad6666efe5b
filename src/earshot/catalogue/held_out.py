"""Which plays are held out to judge the lists that listeners get: some of every listener's."""

from __future__ import annotations

import math
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from earshot.catalogue.play_counts import PlayCounts


def held_out_plays(
    plays: PlayCounts, share: float, played_at: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """A share of every listener's plays, rounded up, but never their only one.

    The last ones where all of a listener's plays are dated; else those with the smallest hash of listener
    and song, which no later delivery changes for pairs that were there.

    Parameters
    ----------
    share
        Between 0 and 1.
    played_at
        int64 (n_plays,), in the order of `plays.matrix.data`; -1 where it is not known.

    Returns
    -------
    (n_plays,), in the same order.

    Example
    -------
    >>> from scipy.sparse import csr_array
    >>> ids = np.array(["ann"], dtype=object), np.array(["x", "y", "z"], dtype=object)
    >>> plays = PlayCounts(*ids, csr_array(np.ones((1, 3), np.float32)))
    >>> held_out_plays(plays, 0.5, np.array([30, 10, 20])).tolist()  # two of three, the last ones
    [True, False, True]
    """
    starts = plays.matrix.indptr
    listeners = np.repeat(np.arange(len(plays.user_ids)), np.diff(starts))  # (n_plays,): whose each is
    late = _hashes(plays, listeners)  # (n_plays,) in 0 .. 1: the larger, the sooner held out
    if played_at is not None:
        undated = np.bincount(listeners[played_at < 0], minlength=len(plays.user_ids)) > 0
        # whole seconds: what was played in the same one is told apart by the hash
        late = np.where(undated[listeners], late, played_at + late)
    order = np.lexsort((-late, listeners))  # by listener, the latest first
    place = np.empty(len(order), dtype=np.int64)
    # plays of listener u stand at starts[u]:starts[u + 1] in `order` too
    place[order] = np.arange(len(order)) - starts[listeners]
    n = np.diff(starts)
    wanted = np.minimum(np.ceil(share * n), n - 1)  # (n_users,)
    return np.asarray(place < wanted[listeners])


def _hashes(plays: PlayCounts, listeners: NDArray[np.int64]) -> NDArray[np.float64]:
    users, songs = (
        np.array([_hash(name, side) for name in ids.tolist()], dtype=np.uint64)
        for ids, side in ((plays.user_ids, b"listener"), (plays.song_ids, b"song"))
    )
    # one hash an id, mixed for each pair: blake2b of every pair would take a minute for 50 million
    mixed = _mixed(users[listeners] ^ _mixed(songs)[plays.matrix.indices])
    return mixed / math.ldexp(1.0, 64)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of splitmix64 (Steele, Lea and Flood 2014): every bit hangs on every bit."""
    with np.errstate(over="ignore"):
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _hash(name: str, side: bytes) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=side).digest(), "big")
