"""Whether delivered songs differ from those trained on by more than chance.

Chance is what equally many of the songs trained on, drawn at random, would give:
as many by one artist as there are in the delivery, because songs of one artist are
alike. Both sides are drawn, since the songs trained on are a sample too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Artists = NDArray[np.object_]

HYPER_IMAGE, LOUDNESS, BANDWIDTH = "hyper_image", "loudness", "bandwidth"
PREDICTED_NORM, SET_ASIDE = "predicted_norm", "set_aside"
MEASURES = (HYPER_IMAGE, LOUDNESS, BANDWIDTH, PREDICTED_NORM, SET_ASIDE)
FAR = 3.0
"""Times as far from the middle of chance as its end: one such delivery is enough. At the level of params.yaml
chance ends at about three standard deviations, so these are nine; sound of another kind had 300 times."""


@dataclass(frozen=True)
class DescribedSongs:
    """Songs, described.

    Attributes
    ----------
    artists
        (n,): who a song is by; itself, where that is not known.
    statistics
        (n, d) of their hyper-images.
    figures
        By name, (n,) each; NaN where a song has none.
    """

    artists: Artists
    statistics: Floats
    figures: Mapping[str, Floats]


@dataclass(frozen=True)
class Line:
    """One measure of a delivery.

    Attributes
    ----------
    observed
        A distance (root mean square over the statistics, in standard deviations of
        songs), a mean over songs, or a share of files.
    low, high
        What chance allows; `low` is 0 where only more is worse.
    """

    measure: str
    observed: float
    low: float
    high: float

    @property
    def drifted(self) -> bool:
        """Whether `observed` lies outside `low` to `high`."""
        return not self.low <= self.observed <= self.high

    @property
    def far(self) -> bool:
        """Whether it is `FAR` beyond chance; never of files set aside, which nobody is recommended.

        Example
        -------
        >>> [Line(HYPER_IMAGE, distance, low=0.0, high=0.40).far for distance in (0.41, 1.2, 128.7)]
        [False, False, True]
        >>> [Line(LOUDNESS, loudness, low=-20.0, high=-10.0).far for loudness in (-31.0, -5.0, 0.1)]
        [True, False, True]
        """
        middle = 0.0 if self.measure == HYPER_IMAGE else (self.low + self.high) / 2
        beyond = abs(self.observed - middle) > FAR * (self.high - middle)
        return self.drifted and beyond and self.measure != SET_ASIDE


@dataclass(frozen=True)
class Reference:
    """Songs trained on, and how often each came up in every one of `draws` draws of as many.

    Attributes
    ----------
    level
        Share of like deliveries that one measure may call drifted.
    """

    songs: DescribedSongs
    draws: int
    seed: int
    level: float

    def compare(self, delivered: DescribedSongs) -> list[Line]:
        """The distance of the hyper-images, and every figure that `delivered` has."""
        rng = np.random.default_rng([self.seed, len(delivered.artists)])
        # (draws, n_known): weights @ values = mean of a like draw less mean of a bootstrap of the reference
        weights = draw(delivered.artists, self.songs.artists, self.draws, rng) - self._own_draws
        lines = [self._distance(delivered, weights)]
        return lines + [self._mean(name, delivered.figures[name], weights) for name in delivered.figures]

    @cached_property
    def _own_draws(self) -> Floats:
        return draw(self.songs.artists, self.songs.artists, self.draws, np.random.default_rng(self.seed))

    @cached_property
    def _scale(self) -> Floats:
        deviation = self.songs.statistics.std(axis=0)
        return np.where(deviation > 0, deviation, 1)

    def _distance(self, delivered: DescribedSongs, weights: Floats) -> Line:
        known = self.songs.statistics
        apart = (delivered.statistics.mean(axis=0) - known.mean(axis=0)) / self._scale  # (d,)
        # (draws,): root mean square over d, as of `apart` below
        chance = np.sqrt(((weights @ ((known - known.mean(axis=0)) / self._scale)) ** 2).mean(axis=1))
        limit = np.quantile(chance, 1 - self.level, method="higher")
        return Line(HYPER_IMAGE, float(np.sqrt((apart**2).mean())), 0.0, float(limit))

    def _mean(self, name: str, values: Floats, weights: Floats) -> Line:
        known = self.songs.figures[name]
        mean = np.nanmean(known)
        chance = mean + weights @ np.nan_to_num(known - mean)  # (draws,); NaN counts as the mean
        low = np.quantile(chance, self.level / 2, method="lower")
        high = np.quantile(chance, 1 - self.level / 2, method="higher")
        return Line(name, float(np.nanmean(values)), float(low), float(high))


def draw(wanted: Artists, known: Artists, draws: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw `len(wanted)` of the `known` songs, `draws` times.

    Songs that share an artist in `wanted` are drawn from one artist of `known`, who
    comes up as often as their songs do; none of them twice, unless they are too few.

    Returns
    -------
    float32 (draws, n_known): how often each song came up, divided by `len(wanted)`.
    """
    artist_of = np.unique(known.astype(str), return_inverse=True)[1]  # (n_known,): number of the artist
    # (n_wanted,): likewise; songs of one artist are a group
    group_of = np.unique(wanted.astype(str), return_inverse=True)[1]
    sizes = np.bincount(artist_of)
    # by_artist[starts[a] : starts[a] + sizes[a]] are the songs of artist a
    by_artist, starts = np.argsort(artist_of, kind="stable"), np.cumsum(sizes) - sizes
    # (draws, n_groups): the artist of a random song, so artists come up by how many songs they have
    picked = artist_of[rng.integers(len(known), size=(draws, group_of.max() + 1))]
    # (draws, n_groups): where in the artist's songs the group begins
    first = (rng.random(picked.shape) * sizes[picked]).astype(np.int64)
    # (draws, n_wanted): songs of a group are consecutive ones from there on, round and round
    within = (first[:, group_of] + _numbered(group_of)) % sizes[picked][:, group_of]
    songs = by_artist[starts[picked][:, group_of] + within]  # (draws, n_wanted): rows of `known`
    places = (songs + len(known) * np.arange(draws)[:, None]).ravel()  # key: draw * n_known + song
    counts = np.bincount(places, minlength=draws * len(known)).reshape(draws, len(known))
    return (counts / len(wanted)).astype(np.float32)


def _numbered(groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of every entry, how many of its group stand before it."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    numbers = np.empty(len(groups), np.intp)
    # groups stand together in `order`: place in it, less the place where the group starts
    numbers[order] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return numbers


def set_aside(bad: int, files: int, bad_before: int, files_before: int, level: float) -> Line:
    """`bad` of `files` could not be used, of the files before `bad_before` of `files_before`.

    What chance allows is a quantile of the beta-binomial distribution (Jeffreys' prior).

    Example
    -------
    >>> set_aside(bad=5, files=100, bad_before=10, files_before=1000, level=0.01).drifted
    True
    >>> set_aside(bad=4, files=100, bad_before=10, files_before=1000, level=0.01).drifted
    False
    """
    from scipy.stats import betabinom

    # share ~ Beta(bad_before + 1/2, good_before + 1/2), bad ~ Binomial(files, share)
    limit = betabinom.ppf(1 - level, files, bad_before + 0.5, files_before - bad_before + 0.5)
    return Line(SET_ASIDE, bad / files, 0.0, float(limit) / files)


def allowed_by_chance(deliveries: int, false_alarms: float) -> int:
    """How many of `deliveries` like those before may be called drifted by chance.

    Example
    -------
    >>> [allowed_by_chance(deliveries, false_alarms=0.01) for deliveries in (0, 1, 20)]
    [0, 0, 2]
    """
    from scipy.stats import binom

    return int(binom.ppf(1 - false_alarms, deliveries, false_alarms)) if deliveries else 0
