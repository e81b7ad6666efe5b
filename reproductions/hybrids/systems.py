"""Every hybrid as the two arrays that the evaluation judges, of songs that have had their first listeners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from comparison.systems import BOUND, CANDIDATE, CONTROLS, make_systems
from comparison.systems import DESCRIPTIONS as CONTROL_DESCRIPTIONS
from earshot.arrays import positions_of
from earshot.catalogue.play_counts import PlayCounts
from earshot.evaluation.first_listeners import StartedSongs
from earshot.evaluation.protocol import System
from earshot.spaces.hybrid import RULES, Rule
from earshot.spaces.placing import Vectors
from hybrids.item_knn import ItemKnn
from hybrids.question import Warming
from hybrids.rankers import Cascade, Mixed, Products, Ranker, SwitchingByListener

PLAYS, ROW_SOLVE = "plays", "row_solve"
MIXED, CASCADE, BY_LISTENER, KNN = "mixed", "cascade", "switching_by_listener", "item_knn"
DESCRIPTIONS = {
    **CONTROL_DESCRIPTIONS,
    CANDIDATE: f"{CONTROL_DESCRIPTIONS[CANDIDATE]}; the sound alone, whoever has come",
    PLAYS: "where the first listeners alone put the song",
    KNN: "item neighbourhoods: songs whose listeners are those of the songs played",
    MIXED: "the lists of sound and of plays, laid into each other",
    CASCADE: "the first of the list of the sound, ordered anew by the plays",
    BY_LISTENER: "plays for listeners who have played much, sound for the others",
    "switching": "sound below a number of listeners, plays from there on",
    "weighted": "the mean of sound and plays, by how many listeners have come",
    "feature_combination": "a regression on both places, to where all listeners put a song",
    ROW_SOLVE: "the prediction as a prior of the row solve: what earshot serves",
}
ORDER = (
    *("random", "shuffled_content", "linear_bow", "linear_statistics", "artist_mean", CANDIDATE, PLAYS, KNN),
    *(MIXED, CASCADE, BY_LISTENER, "switching", "weighted", "feature_combination", ROW_SOLVE, BOUND),
)

Setting = float
Make = Callable[["Case", Setting], System]


@dataclass(frozen=True)
class Case:
    """Songs with a draw of first listeners.

    Attributes
    ----------
    warming
        The fold.
    started
        The songs.
    """

    warming: Warming
    started: StartedSongs

    @cached_property
    def users(self) -> Vectors:
        """(n_all_users, factors)."""
        return self.started.songs.users.vectors

    @cached_property
    def sound(self) -> Products:
        """By what is predicted."""
        return Products(self.users, self.started.songs.predicted)

    @cached_property
    def plays(self) -> Products:
        """By the first listeners alone."""
        return Products(self.users, self.started.plays_alone())

    @cached_property
    def first(self) -> PlayCounts:
        """The plays of the first listeners."""
        started = self.started
        return PlayCounts(started.songs.users.ids, started.cold_start.song_ids, started.first.T.tocsr())

    def ranked(self, ranker: Ranker, first_song: int = 0) -> System:
        """Scores of a ranker as products: users are their scores, songs the unit vectors.

        The candidates are the songs of the ranker from `first_song` on. Only those who are asked are scored.
        """
        asked, n_songs = self.started.cold_start.users, len(self.started.cold_start.song_ids)
        scores = np.zeros((len(self.users), n_songs))
        scores[asked] = ranker.rank(asked, first_song + np.arange(n_songs))
        return System(scores, np.eye(n_songs))


def _placed(case: Case, rule: Rule, n0: float) -> System:
    songs = case.started.songs
    placed = case.warming.hybrid(rule).place_songs(case.first.song_ids, songs.predicted, case.first, n0)
    return System(case.users, placed.vectors)


def _rule(rule: Rule) -> Make:
    return lambda case, n0: _placed(case, rule, n0)


def _item_knn(case: Case, k: float) -> System:
    plays = case.warming.all_plays(case.started)
    return case.ranked(ItemKnn.of(plays, int(k)), case.warming.warm_plays.shape[1])


def _by_listener(case: Case, least: float) -> System:
    n_played = np.diff(case.warming.warm_plays.indptr)
    return case.ranked(SwitchingByListener(case.sound, case.plays, n_played, int(least)))


CHOSEN: Mapping[str, Make] = {
    KNN: _item_knn,
    CASCADE: lambda case, share: case.ranked(Cascade(case.sound, case.plays, share)),
    BY_LISTENER: _by_listener,
    **{rule: _rule(rule) for rule in RULES},
    ROW_SOLVE: lambda case, n0: System(case.users, case.started.both(n0)),
}
"""Systems with a setting, which is chosen on one half of the artists."""


def settings_of(warming: Warming) -> dict[str, list[Setting]]:
    """What is tried, by the names of `CHOSEN`."""
    tried = warming.params.choices
    n0 = [round(multiple * warming.mean_listeners, 1) for multiple in tried.n0_multiples]
    grids: dict[str, list[Setting]] = {
        KNN: [float(k) for k in tried.neighbours],
        CASCADE: list(tried.shares),
        BY_LISTENER: [float(least) for least in tried.least_played],
    }
    return {name: grids.get(name, n0) for name in CHOSEN}


def all_systems(case: Case, chosen: Mapping[str, Setting]) -> dict[str, System]:
    """By name, in `ORDER`; the controls do not change as listeners come."""
    fold = case.warming.fold
    made = {name: make(case, chosen[name]) for name, make in CHOSEN.items()}
    made[PLAYS] = System(case.users, case.plays.songs)
    made[MIXED] = case.ranked(Mixed(case.sound, case.plays))
    rows = positions_of(fold.cold_start.song_ids, case.started.cold_start.song_ids)
    for name, control in make_systems(fold, CONTROLS).items():
        made[name] = System(control.user_vectors, control.item_vectors[rows])
    return {name: made[name] for name in ORDER}
