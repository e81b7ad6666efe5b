"""Intervals over artists by the jackknife: a replicate is a mean over users with one artist deleted.

Songs of one artist sound alike and are played by the same people, so they are not independent: intervals
over users alone are several times too narrow. Bootstraps of artists were tried and are too
narrow as well (`benchmarks/coverage.py`): an artist drawn twice makes pairs of two of its own
songs, and a user with one song that is drawn twice still counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from earshot.artists import BEATS_P
from earshot.evaluation.metrics import Floats, Ints, Metric, Singles, first_songs, recall_depth
from earshot.evaluation.pairs import ArtistPairs


@dataclass(frozen=True)
class Replicates:
    """The mean of a metric over users with each artist deleted in turn, `(n_artists,)` each.

    Attributes
    ----------
    means
        NaN where no user is left.
    users
        How many are left.
    """

    means: Floats
    users: Ints


class UserMeans:
    """Adds up what users have in every replicate."""

    def __init__(self, n_replicates: int) -> None:
        self._sums = np.zeros(n_replicates)
        self._users = np.zeros(n_replicates, dtype=np.int64)

    def add(self, per_user: Floats) -> None:
        """`(n_users, n_replicates)`; NaN for a user who drops out."""
        self._sums += np.nansum(per_user, axis=0)
        self._users += np.count_nonzero(~np.isnan(per_user), axis=0)

    @property
    def replicates(self) -> Replicates:
        """Means over the users added so far."""
        return Replicates(mean_of(self._sums, self._users), self._users)


def mean_of(sums: Floats, users: Ints) -> Floats:
    """`sums` by `users`; NaN where there are none."""
    means: Floats = np.divide(sums, users, out=np.full(len(sums), np.nan), where=users > 0)
    return means


def pool_replicates(
    per_user: Sequence[Floats], replicates: Sequence[Replicates], rows: Sequence[Ints], n_artists: int
) -> Replicates:
    """Those of several results together; a replicate leaves the same artist out of every one.

    Parameters
    ----------
    per_user
        What users have with all artists, `(n_users,)` of each result; NaN for one who has nothing.
    rows
        Of each result, where its artists are among the `n_artists` of all, `(n_own_artists,)`. A result
        without an artist that does not stand in it is as it is.
    """
    sums, users = np.zeros(n_artists), np.zeros(n_artists, dtype=np.int64)
    for values, left, own in zip(per_user, replicates, rows, strict=True):
        sums_here = np.full(n_artists, np.nansum(values))
        users_here = np.full(n_artists, np.count_nonzero(~np.isnan(values)))
        sums_here[own] = np.where(left.users > 0, left.means * left.users, 0.0)
        users_here[own] = left.users
        sums, users = sums + sums_here, users + users_here
    return Replicates(mean_of(sums, users), users)


GROUPS = 20
"""Groups of artists, where a replicate for each artist costs too much (`evaluation.list_quality`)."""
FLIPS = 19_999
"""Random signs that a difference is compared with, so that p is 1/20,000 at least."""
FLIPS_AT_ONCE, ENOUGH_REACHED = 500, 100


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval; NaN bounds where the artists are too few to say."""

    value: float
    low: float
    high: float


def multiplicities(n_artists: int, bootstraps: int, seed: int) -> Singles:
    """`(n_artists, bootstraps)`: how often each replicate draws each artist, with replacement."""
    # (bootstraps, n_artists); a draw of n_artists with replacement is multinomial
    draws = np.random.default_rng(seed).multinomial(n_artists, np.full(n_artists, 1 / n_artists), bootstraps)
    return np.ascontiguousarray(draws.T, dtype=np.float32)


def jackknife_groups(artist_ids: Sequence[str]) -> Ints:
    """`(n,)`: the group of every artist, blake2b(artist_id) mod 20."""
    digests = (blake2b(artist.encode(), digest_size=8).digest() for artist in artist_ids)
    return np.array([int.from_bytes(digest, "big") % GROUPS for digest in digests], dtype=np.int64)


def jackknife_auc(counts: ArtistPairs, artists: Ints, n_artists: int) -> Floats:
    """AUC of every user with each artist deleted.

    The artist's songs are neither positives nor negatives.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.

    Returns
    -------
    `(n_users, n_artists)`; NaN where a user is left without a positive or without a negative.
    """
    firsts = counts.firsts
    own = artists[counts.candidates]  # (n_positives,)
    users = np.repeat(np.arange(len(firsts)), np.diff(firsts, append=len(own)))
    shape = len(firsts), n_artists  # of all tables below: (n_users, n_artists)
    # won by each artist's positives; over each artist's negatives; by the former over the latter
    by_artist = _by_cell(users, own, shape, counts.wins.sum(axis=1, dtype=np.float64))
    over_artist = np.add.reduceat(counts.wins, firsts, axis=0, dtype=np.float64)
    within = _by_cell(users, own, shape, counts.wins[np.arange(len(own)), own])
    # an artist's wins over itself are in both tables, and are taken away twice
    wins = _without_each(by_artist) - over_artist + within
    positives = _by_cell(users, own, shape, np.ones(len(own)))
    negatives = counts.negatives[firsts].astype(np.float64)  # the same in all rows of a user
    pairs = _without_each(positives) * _without_each(negatives)
    with np.errstate(invalid="ignore"):
        return wins / np.where(pairs > 0, pairs, np.nan)


def _by_cell(rows: Ints, columns: Ints, shape: tuple[int, int], values: NDArray[np.floating]) -> Floats:
    """A table of `shape` of sums of the values that belong in each row and column."""
    # rows * shape[1] + columns: place of a cell in the flattened table
    sums = np.bincount(rows * shape[1] + columns, values, shape[0] * shape[1])
    return sums.astype(np.float64, copy=False).reshape(shape)


def jackknife_first_songs(counts: ArtistPairs, artists: Ints, n_artists: int, k: int) -> dict[Metric, Floats]:
    """AP@k, nDCG@k and recall of every user with each artist deleted.

    The artist's songs are neither candidates nor positives; recall looks as deep as with all.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.

    Returns
    -------
    `(n_users, n_artists)` each; NaN where a user is left without a positive.
    """
    best_first = np.lexsort((-counts.scores, counts.users))  # by user, the best first
    own = artists[counts.candidates[best_first]]
    places = _places(own[:, None] != np.arange(n_artists), counts.firsts)  # (n_positives, n_artists)
    # rank = place among the positives + negatives before it
    ranks = places + _without_each(counts.not_below[best_first])
    return first_songs(k, recall_depth(k, len(artists)), places, ranks, counts.firsts)


def _without_each(by_artist: NDArray[np.floating]) -> NDArray[np.floating]:
    """`(n, n_artists)`: the sum over all artists but one."""
    without: NDArray[np.floating] = by_artist.sum(axis=1, keepdims=True) - by_artist
    return without


def _places(kept: NDArray[np.bool_], firsts: Ints) -> Floats:
    """Place of each positive among those kept of its user, the best first; NaN for the others.

    A column, of `(n_positives, n_columns)`, keeps others than the next.
    """
    # int32: less than half the time of int64
    running = np.cumsum(kept, axis=0, dtype=np.int32)  # kept up to here, over all users
    before = (running - kept)[firsts]  # (n_users, n_columns): kept of the users before
    places = running - np.repeat(before, np.diff(firsts, append=len(kept)), axis=0)
    return np.where(kept, places, np.nan)


def sign_flip_p(shares: Floats) -> float:
    """How often chance makes a sum as large as that of `shares`, (n_artists,): each with a random sign.

    One-sided, and never 0: the shares themselves count as one of the draws (Phipson and
    Smyth, Permutation p-values should never be zero, 2010). Where chance has made it
    `ENOUGH_REACHED` times, nothing is gained by going on (Besag and Clifford, Sequential Monte
    Carlo p-values, 1991). The signs are always the same ones.
    """
    rng, drawn, reached = np.random.default_rng(0), 0, 0
    total, rounding = shares.sum(), 1e-6 * np.abs(shares).sum()
    while drawn < FLIPS and reached < ENOUGH_REACHED:
        rows = min(FLIPS - drawn, FLIPS_AT_ONCE)
        kept = rng.integers(0, 2, (rows, len(shares)), dtype=np.int8).astype(np.float32)
        # Shares kept less those turned round: twice those kept, less all.
        sums = 2 * (kept @ shares.astype(np.float32)) - total
        reached += int((sums >= total - rounding).sum())
        drawn += rows
    return (1 + reached) / (1 + drawn)


def clearly_above(auc: Interval, p: float, top: Interval) -> bool:
    """Whether a system beats another: by their differences in AUC and in what stands at the top of lists.

    The AUC is above: by its interval, and with a p of `sign_flip_p` of at most `BEATS_P`. The interval alone
    says it of one pair of equals in 40, and where artists are many of slightly more
    (`benchmarks/coverage.py`); a report has dozens of pairs. `top` is not clearly below: it hangs on the few
    songs at the top of each list, and with some dozens of artists its interval is too wide for anything
    to lie above 0. False where the artists are too few to say.
    """
    return auc.low > 0 and p <= BEATS_P and not top.high < 0


def percentile_interval(value: float, replicates: Floats) -> Interval:
    """The 2.5th and 97.5th percentile of bootstrap replicates; those without any user are left out."""
    known = replicates[~np.isnan(replicates)]
    if not len(known):
        return Interval(value, np.nan, np.nan)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def jackknife_interval(value: float, replicates: Floats) -> Interval:
    """Student's t, n - 1 degrees of freedom, on the variance of n replicates: without an artist, or a group.

    Variance = (n - 1)/n * sum of squared differences from the replicates' mean
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, eq. 11.5); on the average
    it is not too small (Efron and Stein, The jackknife estimate of variance, 1981). NaN
    bounds where without one artist nobody is left to ask.
    """
    from scipy.stats import t

    n = len(replicates)
    spread = np.sqrt((n - 1) / n * np.square(replicates - replicates.mean()).sum())
    half = float(t.ppf(0.975, n - 1) * spread)
    return Interval(value, value - half, value + half)


def pseudo_values(value: float, replicates: Floats) -> Floats:
    """`(n_artists,)`: each artist's part of `value`, of which they are the sum.

    The jackknife's pseudo-values by n (Efron and Tibshirani, 1993, eq. 11.9), less an equal part
    of its estimate of the bias each.
    """
    n = len(replicates)
    parts: Floats = value / n + (n - 1) / n * (replicates.mean() - replicates)
    return parts
