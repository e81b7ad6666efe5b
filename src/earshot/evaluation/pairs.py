"""Every positive against the negatives of its user, counted by artist: what replicates over artists need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from earshot.evaluation.metrics import Floats, Ints, Singles

BLOCK_ELEMENTS = 2_000_000
"""Numbers in the largest array of a block, about."""


@dataclass(frozen=True)
class ArtistPairs:
    """Every positive of a few users against the negatives of the same user, counted by artist.

    Rows are (user, positive candidate) pairs, ordered by user, then candidate.

    Attributes
    ----------
    users, candidates
        `(n_positives,)`: row of the user, column of the candidate.
    scores
        `(n_positives,)`: the score of each pair.
    negatives
        `(n_positives, n_artists)`: negatives of that user by that artist.
    not_below
        `(n_positives, n_artists)`: those that score as much as the positive, or more.
    wins
        `(n_positives, n_artists)`: those that score less, and half of those that tie.
    """

    users: Ints
    candidates: Ints
    scores: Floats
    negatives: Singles
    not_below: Singles
    wins: Singles

    @property
    def firsts(self) -> Ints:
        """`(n_users,)`: the first pair of every user."""
        return np.flatnonzero(np.diff(self.users, prepend=-1))  # where the user changes


def blocks_of_pairs(
    user_vectors: Floats,
    item_vectors: Floats,
    positives: csr_array,
    artist_starts: Ints,
    revealed: csr_array | None = None,
) -> Iterator[ArtistPairs]:
    """Every user's positives counted against their negatives, some users at a time.

    A score is summed in the same order wherever it stands (a matrix product
    would round equal vectors differently), so that equal vectors tie.

    Parameters
    ----------
    user_vectors, item_vectors
        `(n_users, d)` and `(n_candidates, d)`.
    positives, revealed
        As in `ColdStart`.
    """
    # (n_users,): numbers that the users up to this one take; those with the same quotient are a block
    cost = np.cumsum(np.diff(positives.indptr)) * len(item_vectors)
    block = cost // BLOCK_ELEMENTS
    edges = np.flatnonzero(np.diff(block, prepend=-1, append=-1))  # first user of each block; the end
    for start, stop in pairwise(edges.tolist()):
        scores = np.einsum("ud,cd->uc", user_vectors[start:stop], item_vectors)
        known = None if revealed is None else revealed[start:stop].toarray()
        yield count_pairs(scores, positives[start:stop].toarray(), artist_starts, known)


def count_pairs(
    scores: Floats,
    relevant: NDArray[np.bool_],
    artist_starts: Ints,
    revealed: NDArray[np.bool_] | None = None,
) -> ArtistPairs:
    """Count, for every positive, the negatives below, tied and above.

    Parameters
    ----------
    scores
        `(n_users, n_candidates)`, candidates of one artist side by side.
    relevant
        `(n_users, n_candidates)`: which candidates are positives; at least one a user.
    artist_starts
        `(n_artists,)`: first candidate of every artist.
    revealed
        `(n_users, n_candidates)`: which are neither positives nor negatives; none unless given.
    """
    users, candidates = np.nonzero(relevant)
    own = scores[users, candidates]  # (n_positives,)
    no_negative = relevant if revealed is None else relevant | revealed
    # (n_positives, n_candidates): scores of the negatives of that user
    others = np.where(no_negative, np.nan, scores)[users]  # NaN is counted neither below nor above

    def by_artist(mask: NDArray[np.bool_]) -> Singles:
        return np.add.reduceat(mask, artist_starts, axis=1, dtype=np.float32)  # (rows, n_artists)

    negatives = by_artist(~no_negative)[users]
    above = by_artist(others > own[:, None])
    not_below = by_artist(others >= own[:, None])
    # wins = below + tied / 2, where below = negatives - not_below and tied = not_below - above
    return ArtistPairs(
        users, candidates, own, negatives, not_below, negatives - (above + not_below) * np.float32(0.5)
    )
