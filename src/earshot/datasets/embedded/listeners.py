"""The listeners: a taste over what can be heard, a song's renown, which cannot, and play counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.datasets.embedded.randomness import generator

Floats = NDArray[np.float64]

LENGTH_SCALES = np.array([2.0, 0.8, 1.1, 3.0, 2.4, 2.6, 1.6, 2.2, 2.2, 2.0, 1.6])
"""How far a taste reaches along each of `traits.taste_coordinates`: shorter matters more.

Mode and chord size matter most, which a bag of short sounds hardly shows.
"""
N_FEATURES = 512
TASTE = 3.0
"""Standard deviation of what taste adds to the logarithm of a song's chances with a listener."""
RENOWN = 0.9
"""Likewise of what renown adds."""
MEDIAN_SONGS = 60
"""Songs that a listener in the middle has played."""


def taste_features(coordinates: Floats) -> Floats:
    """Random Fourier features of a Gaussian kernel (Rahimi and Recht 2007, algorithm 1).

    `coordinates` is (n_songs, n_coordinates), the result (n_songs, N_FEATURES);
    products of two rows approach exp(-|(a - b) / length|^2 / 2).
    """
    rng = generator("taste features")
    # (n_coordinates, N_FEATURES)
    frequencies = rng.standard_normal((len(LENGTH_SCALES), N_FEATURES)) / LENGTH_SCALES[:, None]
    phases = rng.uniform(0, 2 * np.pi, N_FEATURES)
    features: Floats = np.sqrt(2 / N_FEATURES) * np.cos(coordinates @ frequencies + phases)
    return features


def attraction(number: int, features: Floats, renown: Floats) -> Floats:
    """How much the listener of this number is drawn to every song, shape (n_songs,)."""
    weights = generator("listener", number, "taste").standard_normal(N_FEATURES)
    liking = features @ weights
    drawn_to: Floats = TASTE * (liking - liking.mean()) + renown
    return drawn_to


def draw_renown(number: int) -> float:
    """How well known a song is, whatever it sounds like."""
    return RENOWN * float(generator("song", number, "renown").standard_normal())


def draw_plays(number: int, drawn_to: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The songs that this listener played (rows of `drawn_to`, ascending) and how often each.

    Songs are drawn without replacement with probabilities proportional to
    exp(attraction) (the Gumbel-top-k trick); counts have a long tail, longer
    for the songs that attract.

    Parameters
    ----------
    drawn_to
        As `attraction` gives it, (n_songs,).

    Returns
    -------
    rows and counts, int64 (n_played,) each
    """
    rng = generator("listener", number, "plays")
    n_songs = int(np.clip(MEDIAN_SONGS * np.exp(0.7 * rng.standard_normal()), 8, len(drawn_to) / 2))
    ranked = np.argsort(-(drawn_to + rng.gumbel(size=len(drawn_to))), kind="stable")
    songs = np.sort(ranked[:n_songs])
    counts = np.exp(0.5 + 0.3 * drawn_to[songs] + 1.1 * rng.standard_normal(n_songs))
    return songs, 1 + counts.astype(np.int64)
