"""How well a song's listeners are found, by how many it has had: from its sound, its plays, or both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from earshot.evaluation import tables
from earshot.evaluation.arrivals import RANDOM, Draw
from earshot.evaluation.first_listeners import ColdSongs, StartedSongs, start
from earshot.evaluation.protocol import Interval, Metric, Result, System, difference, evaluate, pool
from earshot.params import WarmUp

PREDICTION, PLAYS, BOTH = SYSTEMS = ("prediction", "plays", "both")
METRICS: tuple[Metric, ...] = ("auc", "map")


@dataclass(frozen=True)
class WarmUpColumn:
    """Songs that all have had `listeners` listeners.

    Attributes
    ----------
    songs, songs_left_out
        How many there are, and how many have no more listeners than those.
    results
        By system, over all draws; none where too few are left to ask about.
    k
        As in `judge_columns`.
    """

    listeners: int
    songs: int
    songs_left_out: int
    results: dict[str, Result]
    k: int

    def ahead(self, end: str, metric: Metric) -> Interval:
        """Both minus one of its ends, with the paired interval over artists."""
        return difference(self.results[BOTH], self.results[end], metric)


def judge_columns(
    songs: ColdSongs, n0: float, settings: WarmUp, k: int, seed: int
) -> dict[Draw, list[WarmUpColumn]]:
    """By draw a column for songs without a listener, and one for each of `settings.listeners`.

    mAP looks at the first `k` songs.
    """
    nobody = _column(songs, songs.draws[0], 0, n0, settings, k, seed)  # whoever would come first
    return {
        draw: [nobody, *(_column(songs, draw, n, n0, settings, k, seed) for n in settings.listeners)]
        for draw in songs.draws
    }


def starts(songs: ColdSongs, draw: Draw, n: int, settings: WarmUp, seed: int) -> list[StartedSongs]:
    """The draws of `n` first listeners, of the songs that have more; none where nobody can be asked.

    Only what is random is drawn more than once.
    """
    enough = songs.n_listeners > n
    if enough.sum() < 2:
        return []
    more, draws = songs.only(enough), settings.draws if n and draw == RANDOM else 1
    return [start(more, draw, n, settings.max_listeners, [seed, n, number]) for number in range(draws)]


def _column(
    songs: ColdSongs, draw: Draw, n: int, n0: float, settings: WarmUp, k: int, seed: int
) -> WarmUpColumn:
    enough = int((songs.n_listeners > n).sum())
    drawn = starts(songs, draw, n, settings, seed)
    judged = [_judge(started, n0, k) for started in drawn]
    asked = any(not math.isnan(result[BOTH].value("auc")) for result in judged)
    results = {name: pool([result[name] for result in judged]) for name in SYSTEMS} if asked else {}
    return WarmUpColumn(n, enough, len(songs.n_listeners) - enough, results, k)


def _judge(started: StartedSongs, n0: float, k: int) -> dict[str, Result]:
    placed = (started.songs.predicted, started.plays_alone(), started.both(n0))
    users = started.songs.users.vectors
    return {
        name: evaluate(System(users, vectors), started.cold_start, k)
        for name, vectors in zip(SYSTEMS, placed, strict=True)
    }


def describe(column: WarmUpColumn) -> dict[str, Any]:
    """For JSON: sizes, metrics by system, and both minus each end with paired intervals."""
    results = column.results
    return {
        "listeners": column.listeners,
        "songs": column.songs,
        "songs_left_out": column.songs_left_out,
        "systems": {name: tables.describe(result, column.k) for name, result in results.items()},
        "differences": {
            f"{BOTH}_minus_{end}": tables.compare(results[BOTH], results[end], column.k)
            for end in (PREDICTION, PLAYS)
            if results
        },
    }


def below_an_end(columns: Sequence[WarmUpColumn]) -> list[str]:
    """Where both lie below one of their ends, by a whole interval: `10 listeners, map, plays`."""
    return [
        f"{column.listeners} listeners, {metric}, {end}"
        for column in columns
        if column.results
        for metric in METRICS
        for end in (PREDICTION, PLAYS)
        if column.ahead(end, metric).high < 0
    ]


def ahead_of_both(columns: Sequence[WarmUpColumn]) -> list[int]:
    """Numbers of listeners with which both are ahead of each end in AUC, by a whole interval."""
    return [
        column.listeners
        for column in columns
        if column.results and all(column.ahead(end, "auc").low > 0 for end in (PREDICTION, PLAYS))
    ]
