"""Claim: paired and pooled 95 % intervals hold the truth in 93 % of worlds and more, from 20 artists on.

    python benchmarks/coverage.py [WORLDS] [LISTENERS] [FOLDS] [SEED]

A world is a draw of artists out of one population: `LISTENERS` are the same in all. Artists have
a place and songs around it, in as many dimensions as listeners have tastes, and are more or
less popular. A listener plays the songs of largest affinity, a share of all songs that is
his or her own. A system knows the listeners and has every song at its place with an error, half of it
the artist's own: `good` and `equal` err as much, `worse` errs more. All songs of a world
are cold for `single` and `paired`; for `pooled` each is in one of `FOLDS` folds at random, so that
the same artists stand in all of them (`by: song`), and the folds' results are pooled.

All is measured by `earshot.evaluation.protocol`: `evaluate`, `pool`, `difference`, `beats`. The truth is
the mean of a system's values over all worlds of that many artists, folds alike, and 0 between equally
good ones. A share of 300 worlds is known to 1.3 points (one standard error) where it is 95 %,
and false beats, which should be 2.5 % at most, to .9.

What was tried for the intervals, in worlds like these of 20, 60 and 120 artists (300 each), one AUC:

    percentiles of a bootstrap of artists (multinomial)   .90 .88 .91
    percentiles of a Poisson bootstrap                     .92 .88 .92
    percentiles of a Bayesian bootstrap (exponential)      .59 .70 .81
    bias-corrected and accelerated percentiles (BCa)       .82 .81 .91
    t on the standard error of the multinomial bootstrap   .88 .87 .94
    t on the jackknife of artists: as it is                .93 .93 .96

The last line is JSON: seed, worlds, listeners, folds, error (one standard error of a share of 95 %),
coverage_single, coverage_paired, coverage_pooled, false_beats: by metric (coverage) and artists.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import norm

from earshot.evaluation.cold_start import ColdStart
from earshot.evaluation.intervals import Interval
from earshot.evaluation.metrics import Metric
from earshot.evaluation.protocol import Result, System, beats, difference, evaluate, pool

ARTISTS = (20, 50, 100, 200, 500)
METRICS: tuple[Metric, ...] = ("auc", "map")
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


def main(worlds: int = 300, listeners: int = 150, folds: int = 3, seed: int = 0) -> None:
    """Simulate, print a line a number of artists and metric."""
    told: dict[str, dict[str, dict[str, float]]] = {
        f"coverage_{kind}": {metric: {} for metric in METRICS} for kind in ("single", "paired", "pooled")
    }
    false_beats = {}
    print("metric, artists: share of intervals that hold the truth")
    for artists in ARTISTS:
        held, wrong = simulate(artists, worlds, listeners, folds, seed)
        false_beats[str(artists)] = round(wrong, 4)
        for metric in METRICS:
            found = held[metric]
            print(
                f"{metric} {artists:4d}",
                *(f"{name} {share:.3f}" for name, share in found.items()),
                flush=True,
            )
            for kind, by_metric in told.items():
                # The lowest of its kind: of two systems, say, of equal quality and not.
                shares = [share for name, share in found.items() if name.startswith(kind.split("_")[1])]
                by_metric[metric][str(artists)] = round(min(shares), 4)
        print(f"equally good, said to beat: {wrong:.4f}", flush=True)
    error = round(float(np.sqrt(0.95 * 0.05 / worlds)), 4)
    sizes = {"seed": seed, "worlds": worlds, "listeners": listeners, "folds": folds, "error": error}
    print(json.dumps(sizes | told | {"false_beats": false_beats}))


def simulate(
    artists: int, worlds: int, n_listeners: int, folds: int, seed: int
) -> tuple[dict[Metric, dict[str, float]], float]:
    """Shares of intervals that hold the truth, by metric and kind; how often an equal system is beaten."""
    found: dict[tuple[Metric, str], list[Interval]] = defaultdict(list)
    beaten = 0
    for results in draw_results(artists, worlds, n_listeners, folds, seed):
        for metric in METRICS:
            for kind in ("single", "pooled"):
                one, equal, worse = (results[f"{kind}_{name}"] for name in ERRORS)
                paired = "paired" if kind == "single" else "pooled_paired"
                found[metric, kind].append(one.interval(metric))
                found[metric, f"{paired}_equal"].append(difference(one, equal, metric))
                found[metric, f"{paired}_worse"].append(difference(one, worse, metric))
        beaten += beats(results["single_good"], results["single_equal"])
    shares: dict[Metric, dict[str, float]] = {metric: {} for metric in METRICS}
    for (metric, kind), intervals in found.items():
        truth = 0.0 if kind.endswith("equal") else float(np.mean([each.value for each in intervals]))
        shares[metric][kind] = float(np.mean([each.low <= truth <= each.high for each in intervals]))
    return shares, beaten / worlds


def draw_results(
    artists: int, worlds: int, n_listeners: int, folds: int, seed: int
) -> Iterator[dict[str, Result]]:
    """Of each world the results of every system, by `single_<system>` and `pooled_<system>`."""
    drawn = np.random.default_rng([seed, 0])  # the same listeners in all worlds
    tastes = drawn.standard_normal((n_listeners, DIMENSIONS))
    played = np.clip(PLAYED * np.exp(PLAYED_SPREAD * drawn.standard_normal(n_listeners)), 0.005, 0.3)
    rng = np.random.default_rng([seed, artists])
    for _ in range(worlds):
        world = draw_world(artists, tastes, played, rng)
        fold = rng.integers(0, folds, len(world.artists))
        results = {}
        for name in ERRORS:
            results[f"single_{name}"] = ask(world, tastes, name, np.ones(len(fold), np.bool_))
            results[f"pooled_{name}"] = pool([ask(world, tastes, name, fold == n) for n in range(folds)])
        yield results


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
