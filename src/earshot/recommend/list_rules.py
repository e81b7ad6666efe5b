"""Rules of a list beside the order of its scores: a share of new songs, and a cap on the songs of an artist.

A list is filled from its first place on. Each place goes to the song with the best score of those that are
left and whose artist is not at the cap yet; where the list would else hold too few new songs, to the best of
these. So the first j songs are the same in a list of any length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from earshot.params import Recommendations
from earshot.recommend.ranking import (
    ArtistCap,
    Ranked,
    Rows,
    Scores,
    Vectors,
    join,
    rank_songs,
    rank_within,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ROUNDING = 1e-9
"""Added before rounding down: .29 x 100 is 28.999999999999996 in floating point."""


@dataclass(frozen=True)
class ListRules:
    """What a list keeps to; None: nothing.

    Attributes
    ----------
    new_share
        Of the first j songs floor(new_share j) are new, as long as there are new ones for the listener.
    max_per_artist
        Songs of one artist in a list.
    """

    new_share: float | None = None
    max_per_artist: int | None = None

    @classmethod
    def of(cls, settings: Recommendations) -> ListRules:
        """As params.yaml has them."""
        return cls(settings.new_songs.share, settings.max_per_artist)


NO_RULES = ListRules()


@dataclass(frozen=True)
class ListMaker:
    """How lists are made of the songs of a catalogue.

    A list that keeps to rules is made of two: the k best known and the k best new songs of a listener, in
    each no artist above the cap. Longer ones would give the same: a song of one of the two is passed over
    only when a song of its artist that is in the list came from the other, so that every place uses up at
    most one song of each. And two such lists of other songs can be merged without ranking anything again.

    Attributes
    ----------
    k
        Length of a list; where fewer songs are left, or the cap lets in no more, it is shorter.
    rules
        As in `ListRules`.
    new
        (n_songs,): songs that nobody has played.
    artists
        (n_songs,): a number an artist; a song without one has a number of its own.
    """

    k: int
    rules: ListRules
    new: NDArray[np.bool_]
    artists: Rows

    def rank(
        self, user_vectors: Vectors, item_vectors: Vectors, played: csr_array, allowed: NDArray[np.bool_]
    ) -> Iterator[Ranked]:
        """What `arrange` needs of listeners, in blocks as those of `rank_songs`; `allowed` (n_songs,)."""
        sides = (user_vectors, item_vectors, played)
        if self.rules == NO_RULES:
            yield from rank_songs(*sides, allowed, self.k)
            return
        known, new = (
            rank_songs(*sides, allowed & kind, self.k, self._cap()) for kind in (~self.new, self.new)
        )
        for parts in zip(known, new, strict=True):
            yield _in_order(join(parts))

    def best(self, users: Rows, items: Rows, scores: Scores) -> Ranked:
        """What `rank` gives of `(n,)` entries, in which it is for some songs and for the others."""
        if self.rules == NO_RULES:
            return rank_within(users, items, scores, self.k)
        cap, parts = self._cap(), []
        for kind in (~self.new, self.new):
            some = kind[items]
            ranked = rank_within(users[some], items[some], scores[some], len(scores))
            capped = cap.keep(ranked) if cap else ranked
            parts.append(rank_within(capped.users, capped.items, capped.scores, self.k))
        return _in_order(join(parts))

    def arrange(self, ranked: Ranked) -> Ranked:
        """The lists, of what `rank` gave."""
        if self.rules == NO_RULES or not len(ranked.users):
            return ranked
        chosen = _fill(ranked, self.new[ranked.items], self.artists[ranked.items], self.rules, self.k)
        lists, places = np.nonzero(chosen >= 0)
        entries = chosen[lists, places]
        return Ranked(ranked.users[entries], ranked.items[entries], places + 1, ranked.scores[entries])

    def _cap(self) -> ArtistCap | None:
        most = self.rules.max_per_artist
        return None if most is None else ArtistCap(self.artists, most)


def _in_order(ranked: Ranked) -> Ranked:
    """Listeners in ascending order, all of the songs of each by score."""
    return rank_within(ranked.users, ranked.items, ranked.scores, len(ranked.users))


def _fill(ranked: Ranked, new: NDArray[np.bool_], artists: Rows, rules: ListRules, k: int) -> Rows:
    """(n_lists, k): which entry of `ranked` stands at every place; -1 behind the end of a list.

    `new` and `artists` are those of the entries, which go by listener, then by score.
    """
    known_queue, new_queue = (_Queue(ranked.users, kind) for kind in (~new, new))
    chosen = np.full((len(known_queue), k), -1)
    chosen_artists = np.full(chosen.shape, -1)
    n_new = np.zeros(len(chosen), dtype=np.int64)
    for place in range(k):
        before = chosen_artists[:, :place]
        best_known, best_new = (
            queue.first(artists, before, rules.max_per_artist) for queue in (known_queue, new_queue)
        )
        wanted = np.floor((rules.new_share or 0.0) * (place + 1) + _ROUNDING)
        # of the entries of a listener the earlier one has the better score
        takes_new = (best_new >= 0) & ((best_known < 0) | (best_new < best_known) | (n_new < wanted))
        chosen[:, place] = np.where(takes_new, best_new, best_known)
        # behind the end of a list, -1, it is some artist's: nothing is left there that could be at the cap
        chosen_artists[:, place] = artists[chosen[:, place]]
        n_new += takes_new
        new_queue.drop(takes_new)
        known_queue.drop(~takes_new & (best_known >= 0))
    return chosen


class _Queue:
    """The entries of one kind, for every listener the best first; those that are used up are dropped.

    Parameters
    ----------
    users
        (n,): of all entries, in ascending order.
    kind
        (n,): which of them.
    """

    def __init__(self, users: Rows, kind: NDArray[np.bool_]) -> None:
        _, lists = np.unique(users, return_inverse=True)  # (n,): row of every entry
        entries = np.flatnonzero(kind)
        lengths = np.bincount(lists[entries], minlength=lists[-1] + 1)
        # place in the queue: own index less that of the first of its listener
        places = np.arange(len(entries)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        self._entries = np.full((len(lengths), lengths.max() + 1), -1)  # (n_lists, longest + 1)
        self._entries[lists[entries], places] = entries
        self._places = np.zeros(len(lengths), dtype=np.int64)  # (n_lists,): of the first that is left

    def __len__(self) -> int:
        return len(self._places)

    def drop(self, lists: NDArray[np.bool_]) -> None:
        """Drop the first entry in some of the lists, `(n_lists,)`."""
        self._places += lists

    def first(self, artists: Rows, chosen_artists: Rows, most: int | None) -> Rows:
        """(n_lists,): the first entry whose artist stands fewer than `most` times in a list so far; -1: none.

        Those before it are dropped: an artist who is at the cap stays there.

        Parameters
        ----------
        artists
            (n,): of all entries.
        chosen_artists
            (n_lists, places so far).
        most
            None: any number.
        """
        lists = np.arange(len(self))
        while True:
            first = self._entries[lists, self._places]
            if most is None:
                return first
            same = (chosen_artists == artists[first][:, None]).sum(axis=1)
            full = (first >= 0) & (same >= most)
            if not full.any():
                return first
            self.drop(full)


def number_artists(artist_ids: NDArray[np.object_], song_ids: NDArray[np.object_]) -> Rows:
    """A number an artist, (n_songs,); where `artist_ids` has `""`, one of the song's own."""
    import pandas as pd

    named = artist_ids != ""
    numbers = np.arange(len(song_ids))  # one a song; those of artists come behind
    numbers[named] = len(song_ids) + pd.factorize(artist_ids[named])[0]
    return numbers
