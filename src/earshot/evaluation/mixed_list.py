"""One list of songs that nobody has played and of songs with their first listeners, as it is served.

The same songs stand in it once new and once started: what their first listeners do to
their place is seen apart from what song they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import rankdata

from earshot.evaluation import intervals, tables
from earshot.evaluation.first_listeners import StartedSongs
from earshot.evaluation.intervals import Interval
from earshot.spaces.placing import Vectors

Kind = Literal["relevant", "irrelevant"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ListPlaces:
    """Where songs stand in the lists of a kind of listener, summed over listeners and draws.

    Attributes
    ----------
    new, started
        `(n_candidates,)`: percentiles (1 is the top) without a listener, and with some.
    pairs
        `(n_candidates,)`: how many were summed.
    """

    new: Floats
    started: Floats
    pairs: Floats

    def means(self) -> tuple[float, float]:
        """Mean percentile over (listener, song) pairs, new and started; NaN of no pairs."""
        with np.errstate(invalid="ignore"):
            return float(self.new.sum() / self.pairs.sum()), float(self.started.sum() / self.pairs.sum())

    @property
    def rise(self) -> float:
        """How much higher the same songs stand for having been started."""
        new, started = self.means()
        return started - new


@dataclass(frozen=True)
class MixedList:
    """What was found in lists in which half of the songs have `listeners` and half have none.

    Attributes
    ----------
    auc
        Mean over lists of their AUC; NaN where nobody has a song on either side.
    places
        By kind of listener: those who are yet to play the song, and those who never do.
    artists
        `(n_candidates,)`: the artist of every song, numbered.
    """

    listeners: int
    auc: float
    places: dict[Kind, ListPlaces]
    artists: NDArray[np.int64]

    def rise(self, kind: Kind, bootstraps: int, seed: int) -> Interval:
        """`ListPlaces.rise` with its 95 % interval over artists."""
        places, n_artists = self.places[kind], int(self.artists[-1]) + 1
        drawn = intervals.multiplicities(n_artists, bootstraps, seed).astype(np.float64)
        # sums by artist, (n_artists,); @ drawn gives sums by replicate, (bootstraps,)
        risen = np.bincount(self.artists, places.started - places.new, n_artists)
        pairs = np.bincount(self.artists, places.pairs, n_artists)
        with np.errstate(invalid="ignore"):
            return intervals.percentile_interval(places.rise, (risen @ drawn) / (pairs @ drawn))


def mix(drawn: Sequence[StartedSongs], n: int, n0: float, seed: int) -> MixedList | None:
    """Lists with half of the songs at `n` listeners, over all that was `drawn`; None if that is nothing."""
    if not drawn:
        return None
    found = [_mix(started, n0, np.random.default_rng([seed, n])) for started in drawn]
    aucs, places = zip(*found, strict=True)
    sums: dict[Kind, ListPlaces] = {kind: _sum([part[kind] for part in places]) for kind in places[0]}
    return MixedList(n, mean_known(aucs), sums, drawn[0].cold_start.artists)


def mean_known(values: Sequence[float]) -> float:
    """Of those that are not NaN; NaN where none is."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _mix(started: StartedSongs, n0: float, rng: np.random.Generator) -> tuple[float, dict[Kind, ListPlaces]]:
    new, placed = started.songs.predicted, started.both(n0)
    half = rng.permutation(len(new)) % 2 == 0  # (n_candidates,): a random half
    users = started.songs.users.vectors[started.cold_start.users]
    relevant = started.cold_start.positives.toarray()
    # (n_users, n_candidates): first listeners, who are of neither kind
    revealed = csr_array(started.first.T.astype(bool))[started.cold_start.users].toarray()
    # each song is started in one of the two lists and new in the other
    lists = [_percentiles(users @ np.where(some[:, None], placed, new).T, revealed) for some in (half, ~half)]
    aucs = [_auc(percentiles, relevant, revealed) for percentiles in lists]
    one, other = lists
    # (n_users, n_candidates): percentiles of a song while it is new, and while it is started
    in_both_states = np.where(half, other, one), np.where(half, one, other)
    kinds: dict[Kind, NDArray[np.bool_]] = {"relevant": relevant, "irrelevant": ~(relevant | revealed)}
    return mean_known(aucs), {kind: _places(*in_both_states, who) for kind, who in kinds.items()}


def _percentiles(scores: Vectors, revealed: NDArray[np.bool_]) -> Floats:
    """1 at the top of a user's list, 0 at its end; below 0 what the user is known to have played.

    All are `(n_users, n_candidates)`.
    """
    # the place of each song in each list, 0 for the lowest score; songs that one listener started alike tie
    places = rankdata(np.where(revealed, -np.inf, scores), axis=1) - 1
    n_revealed = revealed.sum(axis=1, keepdims=True)  # these have the lowest places
    found: Floats = (places - n_revealed) / np.maximum(scores.shape[1] - 1 - n_revealed, 1)
    return found


def _auc(percentiles: Floats, relevant: NDArray[np.bool_], revealed: NDArray[np.bool_]) -> float:
    """Mean over users of the share of pairs (relevant, irrelevant) in the right order; NaN of no pairs."""
    n_relevant = relevant.sum(axis=1)  # (n_users,)
    n_listed = relevant.shape[1] - revealed.sum(axis=1)
    places = (percentiles * np.maximum(n_listed - 1, 1)[:, None]).sum(
        axis=1, where=relevant, dtype=np.float64
    )
    # a relevant song at place p has p songs below it, those among them that are relevant not counted
    right = places - n_relevant * (n_relevant - 1) / 2
    pairs = n_relevant * (n_listed - n_relevant)
    asked = pairs > 0
    return float((right[asked] / pairs[asked]).mean()) if asked.any() else math.nan


def _places(new: Floats, started: Floats, who: NDArray[np.bool_]) -> ListPlaces:
    # (n_candidates,): sums over the listeners of that kind
    one, other = (values.sum(axis=0, where=who) for values in (new, started))
    return ListPlaces(one, other, who.sum(axis=0, dtype=np.float64))


def _sum(draws: Sequence[ListPlaces]) -> ListPlaces:
    return ListPlaces(
        np.sum([places.new for places in draws], axis=0),
        np.sum([places.started for places in draws], axis=0),
        np.sum([places.pairs for places in draws], axis=0),
    )


def describe(mixed: MixedList, bootstraps: int, seed: int) -> dict[str, Any]:
    """For JSON: by kind of listener, mean percentiles new and started, and the rise with its interval."""
    described: dict[str, Any] = {"listeners": mixed.listeners, "auc": tables.rounded(mixed.auc)}
    for kind, places in mixed.places.items():
        new, started = places.means()
        rise = mixed.rise(kind, bootstraps, seed)
        described[kind] = {
            "new": tables.rounded(new),
            "started": tables.rounded(started),
            "rise": tables.rounded(rise.value),
            "rise_ci95_artists": [tables.rounded(rise.low), tables.rounded(rise.high)],
        }
    return described
