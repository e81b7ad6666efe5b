"""Every song and every listener of today under a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.spaces.placing import Ids, Placed, Vectors, count_listeners, rows_of
from earshot.spaces.space import TasteSpace

if TYPE_CHECKING:
    from earshot.catalogue.play_counts import PlayCounts


@dataclass(frozen=True)
class Served:
    """What recommendations are made of.

    Attributes
    ----------
    song_ids, n_listeners
        (n_songs,): songs with a sound, or with a listener whom the release knows; by song_id.
    item_factors
        float32 (n_songs, factors).
    user_factors
        float32 (n_users, factors), in the order of the play counts.
    """

    song_ids: Ids
    n_listeners: NDArray[np.int32]
    item_factors: Vectors
    user_factors: Vectors


def serve(
    plays: PlayCounts,
    with_audio: Placed,
    space: TasteSpace,
    n0: float,
    earlier: Served | None,
) -> Served:
    """Place every song and every listener of today under a release.

    Parameters
    ----------
    with_audio
        The songs with a sound, and what it says.
    space
        Of the release.
    earlier
        What was served of the same plays, release, n0 and predictions of played
        songs: only songs that nobody has played can be new, and they move nobody.
    """
    song_ids = np.union1d(with_audio.ids, plays.song_ids)
    n_listeners = rows_of(plays.song_ids, count_listeners(plays), song_ids)
    # items (n_songs, d): zeros without a sound
    items, played = rows_of(with_audio.ids, with_audio.vectors, song_ids), n_listeners > 0
    items[played] = (
        space.place_songs(song_ids[played], items[played], plays, n0).vectors
        if earlier is None
        else rows_of(earlier.song_ids, earlier.item_factors, song_ids[played])
    )
    placed = items.any(axis=1)  # not those with neither a sound nor a listener whom the release knows
    # Only played songs, as in the fit: a song that nobody has played moves no listener.
    users = (
        space.place_listeners(plays, Placed(song_ids, items).only(played & placed)).vectors
        if earlier is None
        else earlier.user_factors
    )
    return Served(song_ids[placed], n_listeners[placed], items[placed], users)
