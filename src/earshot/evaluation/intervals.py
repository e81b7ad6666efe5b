"""Intervals over artists: bootstraps of AUC, the jackknife of AP, paired where two systems are compared.

Songs of one artist sound alike and are played by the same people, so they are not independent: intervals
over users alone are several times too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.evaluation.metrics import Floats, Ints, Metric, Singles, first_songs, recall_depth
from earshot.evaluation.pairs import ArtistPairs


class Means:
    """The mean over users of every replicate, `(n_replicates,)`; NaN where no user is left."""

    def __init__(self, n_replicates: int) -> None:
        self._sums = np.zeros(n_replicates)
        self._users = np.zeros(n_replicates)

    def add(self, per_user: Floats) -> None:
        """`(n_users, n_replicates)`; NaN for a user who drops out."""
        self._sums += np.nansum(per_user, axis=0)
        self._users += np.count_nonzero(~np.isnan(per_user), axis=0)

    @property
    def values(self) -> Floats:
        """`(n_replicates,)`: the means over the users added so far."""
        with np.errstate(invalid="ignore"):
            return self._sums / self._users


class AucTally:
    """Mean AUC in every bootstrap of the artists, and what every artist adds to it.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    drawn
        `(n_artists, n_replicates)` multiplicities.
    """

    def __init__(self, artists: Ints, drawn: Singles) -> None:
        self._artists, self._drawn = artists, drawn
        self._means = Means(drawn.shape[1])
        self._influence = np.zeros(len(drawn))
        self._users = 0

    def add(self, counts: ArtistPairs) -> None:
        """Add the pairs of some users."""
        self._means.add(bootstrap_auc(counts, self._artists, self._drawn))
        self._influence += auc_influence(counts, self._artists, len(self._drawn))
        self._users += int((counts.negatives[counts.firsts].sum(axis=1) > 0).sum())  # users with a negative

    @property
    def replicates(self) -> Floats:
        """`(n_replicates,)`: the mean AUC in every bootstrap; NaN where no user is left."""
        return self._means.values

    @property
    def influence(self) -> Floats:
        """`(n_artists,)`: the derivative of the mean AUC by each artist's multiplicity."""
        return self._influence / max(1, self._users)


class FirstSongsTally:
    """Mean AP@k, nDCG@k and recall with each group of artists deleted.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    groups
        `(n_artists,)`: the jackknife group of every artist.
    """

    def __init__(self, artists: Ints, groups: Ints, k: int) -> None:
        self._artists, self._groups, self._k = artists, groups, k
        self._means: dict[Metric, Means] = {}

    def add(self, counts: ArtistPairs) -> None:
        """Add the pairs of some users."""
        found = jackknife_first_songs(counts, self._groups, self._artists, self._k)
        for metric, per_user in found.items():
            self._means.setdefault(metric, Means(GROUPS)).add(per_user)

    @property
    def replicates(self) -> dict[Metric, Floats]:
        """By metric `(20,)`: the mean with each group of artists deleted; NaN where no user is left."""
        return {metric: means.values for metric, means in self._means.items()}


GROUPS = 20
"""Groups of artists of the jackknife."""
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


def bootstrap_auc(counts: ArtistPairs, artists: Ints, drawn: Singles) -> Floats:
    """AUC of every user in every replicate.

    Each (positive, negative) pair is weighted by both artists' multiplicities.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.
    drawn
        `(n_artists, n_replicates)` multiplicities.

    Returns
    -------
    `(n_users, n_replicates)`; NaN where a user is left without a positive or without a negative.
    """
    own = artists[counts.candidates]  # (n_positives,)
    first = counts.firsts
    won = (counts.wins @ drawn) * drawn[own]  # (n_positives, n_replicates): negatives' weights, then its own
    wins = np.add.reduceat(won, first, axis=0, dtype=np.float64)  # (n_users, n_replicates)
    ones = np.ones(len(own), dtype=np.float32)
    # CSR (n_users, n_artists), a 1 for every positive; @ drawn sums the multiplicities of a user's positives
    positives = csr_array((ones, own, np.append(first, len(own))), (len(first), len(drawn))) @ drawn
    # negatives[first]: (n_users, n_artists), as all rows of a user have the same
    pairs = positives.astype(np.float64) * (counts.negatives[first] @ drawn)
    with np.errstate(invalid="ignore"):
        return wins / np.where(pairs > 0, pairs, np.nan)


def auc_influence(counts: ArtistPairs, artists: Ints, n_artists: int) -> Floats:
    """What every artist adds to the AUCs of the users, in sum over the users.

    The derivative of `bootstrap_auc` by the artist's multiplicity, at one of each: of its
    songs as positives and as negatives. It sums to 0 over the artists.

    Parameters
    ----------
    artists
        `(n_candidates,)`: the artist of every candidate.

    Returns
    -------
    `(n_artists,)`; a user without a negative adds nothing.
    """
    # AUC of a user = sum_p sum_a m_p m_a wins[p, a] / (sum_p m_p * sum_a m_a negatives[a]), p positives,
    # a artists, m multiplicities; here its derivatives by m at m = 1. From `known` on (n_positives,)
    first = counts.firsts
    n = np.diff(first, append=len(counts.users))  # (n_users,): positives of each
    negatives = counts.negatives[first].sum(axis=1, dtype=np.float64)
    known = np.repeat(negatives > 0, n)
    # the denominator; 1 only avoids dividing by 0
    pairs = np.repeat(np.where(negatives > 0, n * negatives, 1.0), n)
    won = counts.wins.sum(axis=1, dtype=np.float64)
    auc = np.repeat(np.add.reduceat(won, first) / pairs[first], n)  # of the user, at each of its positives
    # a positive wins its pairs, and counts in sum_p m_p, which takes away AUC / n
    share = np.where(known, won / pairs - auc / np.repeat(n, n), 0.0)
    as_positives = np.bincount(artists[counts.candidates], share, minlength=n_artists)
    weights = known / pairs
    # (n_artists,): what wins over its songs add, less what they take away in sum_a m_a negatives[a]
    as_negatives: Floats = weights @ counts.wins - (weights * auc) @ counts.negatives
    return as_positives + as_negatives


def jackknife_first_songs(counts: ArtistPairs, groups: Ints, artists: Ints, k: int) -> dict[Metric, Floats]:
    """AP@k, nDCG@k and recall of every user with each group of artists deleted.

    The songs of the group are neither candidates nor positives; recall looks as deep as with all.

    Parameters
    ----------
    groups
        `(n_artists,)`: the group of every artist.
    artists
        `(n_candidates,)`: the artist of every candidate.

    Returns
    -------
    `(n_users, 20)` each; NaN where a user is left without a positive.
    """
    best_first = np.lexsort((-counts.scores, counts.users))  # by user, the best first
    own = groups[artists[counts.candidates[best_first]]]
    # one-hot (n_artists, 20), so (n_positives, 20): negatives not below a positive, by their group
    above = counts.not_below @ (groups[:, None] == np.arange(GROUPS)).astype(np.float32)
    above = above.sum(axis=1, keepdims=True) - above  # those left where that group is deleted
    found = []
    for group in range(GROUPS):
        places = _places(own != group, counts.firsts)
        # rank = place among the positives + negatives before it
        ranks = places + above[best_first, group]
        found.append(first_songs(k, recall_depth(k, len(artists)), places, ranks, counts.firsts))
    return {metric: np.stack([values[metric] for values in found], axis=1) for metric in found[0]}


def _places(kept: NDArray[np.bool_], firsts: Ints) -> Floats:
    """Place of each positive among those kept of its user, the best first; NaN for the others."""
    running: Ints = np.cumsum(kept)  # kept up to here, over all users
    before: Ints = (running - kept)[firsts]  # (n_users,): kept of the users before
    places: Ints = running - np.repeat(before, np.diff(firsts, append=len(kept)))
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


def percentile_interval(value: float, replicates: Floats) -> Interval:
    """The 2.5th and 97.5th percentile of bootstrap replicates; those without any user are left out."""
    known = replicates[~np.isnan(replicates)]
    if not len(known):
        return Interval(value, np.nan, np.nan)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def jackknife_interval(value: float, replicates: Floats) -> Interval:
    """Student's t with 19 degrees of freedom on the variance of 20 deleted-group replicates.

    Variance = 19/20 * sum of squared differences from the replicates' mean
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, eq. 11.5).
    """
    from scipy.stats import t

    spread = np.sqrt((GROUPS - 1) / GROUPS * np.square(replicates - replicates.mean()).sum())
    half = float(t.ppf(0.975, GROUPS - 1) * spread)
    return Interval(value, value - half, value + half)
