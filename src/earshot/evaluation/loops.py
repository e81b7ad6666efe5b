"""Loops over scores, compiled: the counting behind `earshot.evaluation.metrics`.

`row` are a user's float32 scores, of which `shift` is subtracted; `exact` is that user's
vector, the mean subtracted from it, and all items, float64; `own` are the user's
positives, of which `number` is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    return cast(Function, njit(nogil=True)(function))


def _kept(function: Function) -> Function:
    """Compiled with all it calls, once for all processes: compiling takes 2 s."""
    return cast(Function, njit(nogil=True, cache=True)(function))


def _summing(function: Function) -> Function:
    """Compiled to add in the order that is fastest, the same for every sum of a loop."""
    return cast(Function, njit(nogil=True, fastmath={"reassoc", "nsz"})(function))


@_kept
def count(scores: Any, shifts: Any, rounding: float, vectors: Any, positives: Any, counts: Any) -> None:
    """Fill `counts`, `(n_kinds, n_positives, 3)`: negatives above, negatives tied, place among the positives.

    Parameters
    ----------
    scores
        `(n_users, n_candidates)` float32.
    shifts
        `(n_kinds, n_candidates)` float32: what is subtracted from them, of each kind.
    rounding
        How far apart two scores must be to be told apart, by the lengths of the user's vector and the mean.
    vectors
        float64: users `(n_users, d)`, means `(n_kinds, d)` subtracted from them, items `(n_candidates, d)`.
    positives
        Ends `(n_users + 1,)` of the users' parts of the candidates `(n_positives,)`.
    """
    users, means, items = vectors
    starts, candidates = positives
    smallest = np.finfo(np.float32).tiny  # what is smaller has fewer digits
    for user in range(len(scores)):
        row, first, own = scores[user], starts[user], candidates[starts[user] : starts[user + 1]]
        # |u - m| <= |u| + |m|; the length of the longest item is in `rounding` already
        tolerance = np.float32(rounding * (_length(users[user]) + _length(means[-1])) + smallest)
        for kind in range(len(shifts)):
            shift, exact = shifts[kind], (users[user], means[kind], items)
            for number in range(len(own)):
                score = row[own[number]] - shift[own[number]]
                band = score - tolerance, score + tolerance  # in it float32 cannot tell who is first
                above, n_close = _around(row, shift, band)
                # `above` has the other positives in it: they are taken off, and make the place
                better = 0
                for other in own:
                    better += row[other] - shift[other] > band[1]
                above, tied, place = above - better, 0, 1 + better
                if n_close > 1:  # not the song itself alone
                    more = _settle(row, shift, band, n_close, exact, own, number)
                    above, tied, place = above + more[0], more[1], place + more[2]
                counts[kind, first + number, 0] = above
                counts[kind, first + number, 1] = tied
                counts[kind, first + number, 2] = place


@_summing
def _length(vector: Any) -> Any:
    total = 0.0
    for value in vector:
        total += value * value
    return np.sqrt(total)


@_compiled
def _around(row: Any, shift: Any, band: Any) -> Any:
    """How many score above the band, and how many in it; int32, which fills vector registers."""
    low, high = band
    above, not_below = np.int32(0), np.int32(0)
    for song in range(len(row)):
        score = row[song] - shift[song]
        above = np.int32(above + np.int32(score > high))
        not_below = np.int32(not_below + np.int32(score >= low))
    return above, not_below - above


@_compiled
def _settle(row: Any, shift: Any, band: Any, n_close: int, exact: Any, own: Any, number: int) -> Any:
    """Of the `n_close` songs in the band: negatives above, negatives tied, positives before."""
    above, tied, before, close = 0, 0, 0, len(row)
    for _ in range(n_close):
        close = _last_in(row, shift, band, close)
        theirs, score = _exact_scores(exact, close, own[number])
        positive = _index(own, close)
        if positive < 0:
            above += theirs > score
            tied += theirs == score
        else:
            # of tied positives the first candidate stands first, so that places differ
            before += theirs > score or (theirs == score and positive < number)
    return above, tied, before


@_compiled
def _last_in(row: Any, shift: Any, band: Any, stop: int) -> Any:
    """The last song before `stop` that is in the band."""
    low, high = band
    last = np.int32(-1)
    for song in range(np.int32(stop)):
        score = row[song] - shift[song]
        last = max(last, np.int32(song) if (score >= low) & (score <= high) else np.int32(-1))
    return last


@_summing
def _exact_scores(exact: Any, one: int, other: int) -> Any:
    user, mean, items = exact
    score_one, score_other = 0.0, 0.0
    for dimension in range(len(user)):
        centred = user[dimension] - mean[dimension]
        score_one += centred * items[one, dimension]
        score_other += centred * items[other, dimension]
    return score_one, score_other


@_compiled
def _index(own: Any, song: int) -> int:
    """Which of `own` it is; -1 if none."""
    index = -1
    for number in range(len(own)):
        if own[number] == song:
            index = number
    return index
