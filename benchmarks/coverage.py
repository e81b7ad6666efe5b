"""Claim: paired and pooled 95 % intervals hold the truth in 93 % of worlds and more, from 20 artists on.

    python benchmarks/coverage.py [WORLDS] [LISTENERS] [FOLDS] [SEED]

A world is a draw of artists out of one population; `LISTENERS` are the same in all. Artists have
a place and songs around it, in as many dimensions as listeners have tastes, and are more or
less popular. A listener plays the songs of largest affinity, a share of all songs that is
his or her own. A system knows the listeners and has every song at its place with an error, half of it
the artist's own: `good` and `equal` err as much, `worse` errs more. All songs of a world
are cold for `single` and `paired`; for `pooled` each is in one of `FOLDS` folds at random, so that
the same artists stand in all of them (`by: song`), and the results of the folds are pooled.

All is measured by `earshot.evaluation`: `evaluate`, `pool`, `difference`, `compare`. The truth is
the mean of a system's values over all worlds of that many artists, and 0 between equally
good ones. Of these `compare` should say that the first beats the second in 2.5 % of worlds at most.
`WORLDS` are drawn of 100 artists, of n of them `WORLDS` * sqrt(100 / n), as these cost more. Of 200, a share
of 95 % is known to 1.5 points (one standard error), and one of 2.5 % to 1.1.

What was tried for the interval of one AUC, in 300 worlds each of 20, 60 and 120 artists with two songs:

    percentiles of a bootstrap of artists (multinomial)    .897 .877 .950
    percentiles of a Poisson bootstrap                     .920 .877 .947
    percentiles of a Bayesian bootstrap (exponential)      .587 .700 .853
    bias-corrected and accelerated percentiles (BCa)       .823 .807 .913
    t on the standard error of the multinomial bootstrap   .877 .870 .937
    t on the jackknife of artists: as it is                .930 .933 .963
    the same for the logit of the AUC                      .940 .947 .970

The logit is no better for differences, which have none. For mAP the jackknife over 20 groups of artists,
with t, held .967 .960 .957, that of artists .950 .953 .957 with intervals 5 % narrower.

The last line is JSON: seed, worlds (by artists), listeners, folds, coverage_single, coverage_paired,
coverage_pooled (each by metric, of which systems, and artists), false_beats (by artists).
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

if __name__ != "__main__":  # numba, in a benchmark beside this one, looks for a package of this name
    raise ImportError("this is a script; the package coverage is not installed before it on the path")

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import norm

from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.intervals import Interval
from earshot.evaluation.metrics import Metric
from earshot.evaluation.protocol import Result, System, difference, evaluate, pool
from earshot.evaluation.tables import compare

ARTISTS = (20, 50, 100, 200, 500)
METRICS: tuple[Metric, ...] = ("auc", "map")
KINDS = ("single", "paired", "pooled")
DIMENSIONS = 4
SONGS = 3
"""Of an artist, on the average; one at least."""
ARTIST_SHARE = 0.7
"""Of the variance of songs' places."""
ERRORS = {"good": 0.7, "equal": 0.7, "worse": 1.2}
"""Standard deviation, in every dimension, of a system's places of songs from the true ones."""
POPULARITY, WHIM = 0.86, 1.0
"""Standard deviation of what songs have in common for all listeners, and of each listener's for each song."""
PLAYED, PLAYED_SPREAD = 0.05, 0.8
"""Median share of the songs that a listener plays, and the deviation of its logarithm."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Songs, by artist.

    Attributes
    ----------
    artists
        `(n_songs,)`.
    plays
        `(n_listeners, n_songs)`.
    places
        By system, `(n_songs, DIMENSIONS)`.
    """

    artists: NDArray[np.int64]
    plays: NDArray[np.bool_]
    places: dict[str, Floats]


def main(worlds: int = 200, listeners: int = 100, folds: int = 3, seed: int = 0) -> None:
    """Simulate, print a line a number of artists and metric."""
    told: dict[str, dict[str, dict[str, float]]] = {f"coverage_{kind}": {} for kind in KINDS}
    drawn, false_beats = {}, {}
    print("metric, artists: share of intervals that hold the truth")
    for artists in ARTISTS:
        n = max(1, round(worlds * (100 / artists) ** 0.5))
        held, wrong = simulate(artists, n, listeners, folds, seed)
        drawn[str(artists)], false_beats[str(artists)] = n, round(wrong, 4)
        for (kind, name), share in held.items():
            print(f"{artists:4d} artists, {kind} {name:17s} {share:.3f}")
            told[f"coverage_{kind}"].setdefault(name, {})[str(artists)] = round(share, 4)
        error = np.sqrt(0.95 * 0.05 / n)
        print(f"equally good, said to beat: {wrong:.3f}; {n} worlds, so .950 +- {error:.3f}", flush=True)
    sizes = {"seed": seed, "worlds": drawn, "listeners": listeners, "folds": folds}
    print(json.dumps(sizes | told | {"false_beats": false_beats}))


def simulate(
    artists: int, worlds: int, n_listeners: int, folds: int, seed: int
) -> tuple[dict[tuple[str, str], float], float]:
    """Shares of intervals that hold the truth, by kind and of what; how often an equal system is beaten."""
    found: dict[tuple[str, str], list[Interval]] = defaultdict(list)
    beaten = 0
    for all_songs, pooled in draw_results(artists, worlds, n_listeners, folds, seed):
        for metric in METRICS:
            found["single", metric].append(all_songs["good"].interval(metric))
            found["pooled", metric].append(pooled["good"].interval(metric))
            for other in ("equal", "worse"):
                name = f"{metric}_{other}"
                found["paired", name].append(difference(all_songs["good"], all_songs[other], metric))
                found["pooled", f"{name}_paired"].append(difference(pooled["good"], pooled[other], metric))
        beaten += compare(all_songs["good"], all_songs["equal"], k=500)["beats"]
    return {key: _held(each, "equal" in key[1]) for key, each in found.items()}, beaten / worlds


def _held(intervals: list[Interval], of_equals: bool) -> float:
    """The share of them that hold the truth: 0, or the mean of their values."""
    truth = 0.0 if of_equals else float(np.mean([each.value for each in intervals]))
    return float(np.mean([each.low <= truth <= each.high for each in intervals]))


def draw_results(
    artists: int, worlds: int, n_listeners: int, folds: int, seed: int
) -> Iterator[tuple[dict[str, Result], dict[str, Result]]]:
    """Of each world the results by system, about all songs at once and pooled over folds."""
    drawn = np.random.default_rng([seed, 0])  # the same listeners in all worlds
    tastes = drawn.standard_normal((n_listeners, DIMENSIONS))
    played = np.clip(PLAYED * np.exp(PLAYED_SPREAD * drawn.standard_normal(n_listeners)), 0.005, 0.3)
    rng = np.random.default_rng([seed, artists])
    for _ in range(worlds):
        world = draw_world(artists, tastes, played, rng)
        fold = rng.integers(0, folds, len(world.artists))
        all_songs = {name: ask(world, tastes, name, fold >= 0) for name in ERRORS}
        by_fold = [{name: ask(world, tastes, name, fold == n) for name in ERRORS} for n in range(folds)]
        yield all_songs, {name: pool([found[name] for found in by_fold]) for name in ERRORS}


def draw_world(n_artists: int, tastes: Floats, played: Floats, rng: np.random.Generator) -> World:
    """Artists with their songs, who plays them, and where each system has them."""
    artists = np.repeat(np.arange(n_artists), 1 + rng.poisson(SONGS - 1, n_artists))

    def noise(*shape: int) -> Floats:
        return rng.standard_normal((*shape, len(artists)))

    def by_artist(share: float) -> Floats:
        """`(n_songs, DIMENSIONS)`, of variance 1: a share of it is alike for all songs of an artist."""
        common = rng.standard_normal((n_artists, DIMENSIONS))[artists]
        return np.sqrt(share) * common + np.sqrt(1 - share) * noise(DIMENSIONS).T

    songs = by_artist(ARTIST_SHARE)
    popularity = POPULARITY * (
        np.sqrt(0.7) * rng.standard_normal(n_artists)[artists] + np.sqrt(0.3) * noise()
    )
    affinity = tastes @ songs.T + popularity + WHIM * noise(len(tastes))
    # Of the population's songs, not of this world's: what others there are decides no play.
    deviation = np.sqrt(np.square(tastes).sum(axis=1) + POPULARITY**2 + WHIM**2)
    plays = affinity > (deviation * norm.isf(played))[:, None]
    return World(artists, plays, {name: songs + error * by_artist(0.5) for name, error in ERRORS.items()})


def ask(world: World, tastes: Floats, system: str, songs: NDArray[np.bool_]) -> Result:
    """Evaluate a system among some of the songs, by whoever plays one of them."""
    artists = np.array([f"artist-{artist:04d}" for artist in world.artists[songs]], dtype=object)
    ids = np.array([f"song-{song:05d}" for song in np.flatnonzero(songs)], dtype=object)
    plays = world.plays[:, songs]
    users = np.flatnonzero(plays.any(axis=1))
    question = ColdStart(ids, artists, np.ones(len(ids), np.bool_), users, csr_array(plays[users]))
    return evaluate(System(tastes, world.places[system][songs]), question)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
